"""`placet doctor` on the witness: the service's own look, told before anybody is refused."""

import asyncio
import json
from pathlib import Path

import msgspec
from tests.cli.conftest import Placet
from tests.conftest import Server
from tests.replay.desk import Desk
from tests.replay.restores.conftest import benched
from tests.replay.restores.test_witness import Witness

from placet.cli import doctor
from placet.cli.exits import Exit
from placet.kernel.ids import Ids
from placet.settings import Settings
from placet.storage.checks import Check, Status


def looked(settings: Settings) -> Check:
    """Return what the doctor finds of the log and its witness."""
    (found,) = (
        one for one in doctor.database(settings, has_witness=True) if one.name == doctor.WITNESSED
    )
    return found


async def test_the_doctor_holds_each_log_against_the_last_line_of_its_witness(
    server: Server, fresh_database_url: str, ids: Ids, tmp_path: Path
) -> None:
    async with benched(Desk, server, fresh_database_url, ids, tmp_path) as (bench, _):
        witness = Witness(bench)
        settings = Settings(
            data_dir=tmp_path, database_url=fresh_database_url, witness_dir=bench.witness
        )
        payload = await witness.keep()
        whole = await asyncio.to_thread(looked, settings)
        assert whole.status is Status.OK
        await witness.forge(msgspec.structs.replace(payload, previous=None, size=payload.size + 3))
        older = await asyncio.to_thread(looked, settings)
        assert older.status is Status.FAIL
        told = f"tenant {payload.tenant_id}: the witness has seen {payload.size + 3} entries"
        assert told in older.found
        assert "placet restore --verify" in older.remedy


def test_the_doctor_ends_with_1_where_a_line_of_the_witness_is_no_use_and_names_it(
    placet: Placet, database_url: str, ids: Ids, tmp_path: Path
) -> None:
    folder = tmp_path / "witness"
    folder.mkdir()
    given = {"PLACET_DATABASE_URL": database_url, "PLACET_WITNESS_DIR": str(folder)}
    assert placet("doctor", **given).returncode == Exit.OK
    file = folder / f"{ids.new()}.jsonl"
    file.write_text("one\ntwo\n")
    done = placet("doctor", "--json", **given)
    assert done.returncode == Exit.FAILED
    (failed,) = (one for one in json.loads(done.stdout) if one["status"] == Status.FAIL)
    assert f"line 2 of `{file.name}`" in failed["found"]
    assert "Keep a witness of the log" in failed["remedy"]
    assert "restore" not in done.stdout.replace("restore epoch", "")
    away = placet("doctor", "--json", **given | {"PLACET_WITNESS_DIR": str(tmp_path / "away")})
    (failed,) = (one for one in json.loads(away.stdout) if one["status"] == Status.FAIL)
    assert (away.returncode, failed["name"]) == (Exit.FAILED, "witness")
