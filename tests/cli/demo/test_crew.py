"""Workers are processes, and none is left behind."""

from pathlib import Path

import pytest

from placet.cli.demo.crew import Crew, hired
from placet.cli.demo.errand import Attached, Errand
from placet.cli.exits import CommandRefused, Exit


def errand(*turns: str) -> Errand:
    return Errand(url="http://127.0.0.1:9", api_key="", orders="", turns=list(turns))


async def test_a_frozen_worker_stands_still_until_it_is_thawed_and_ends_with_the_crew(
    tmp_path: Path,
) -> None:
    async with hired(tmp_path / "log") as crew:
        worker = await crew.start("worker A", errand("lamp_lookup"))
        worker.freeze()
        assert _state(worker.pid) == "T"
        worker.thaw()
        assert _state(worker.pid) in "RSD"
    assert _state(worker.pid) == ""


async def test_a_worker_that_fails_is_named_with_the_file_that_says_why(tmp_path: Path) -> None:
    log = tmp_path / "log"
    crew = Crew(log)
    worker = await crew.start("worker A", errand("no_such_turn"))
    with pytest.raises(CommandRefused) as caught:
        await worker.says(Attached)
    await crew.kill_all()
    assert caught.value.detail.startswith("worker A ended too early, with code 1")
    assert str(log) in caught.value.remedy
    assert caught.value.code is Exit.FAILED


def _state(pid: int) -> str:
    file = Path(f"/proc/{pid}/stat")
    return file.read_text().rpartition(")")[2].split()[0] if file.exists() else ""
