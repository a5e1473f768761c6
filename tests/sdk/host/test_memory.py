"""Both memories let a call in once, and forget what can do no harm any more."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.sdk.host.desk import NOON

from placet.evidence.fields import Fence
from placet.sdk.host.memory import CALL_KEPT, FENCE_KEPT, HostMemory, MemoryFailed, ProcessMemory
from placet.sdk.host.model import Met, Visit
from placet.sdk.host.sqlite import SqliteMemory

ENDS = NOON + timedelta(seconds=60)
LATER = ENDS + CALL_KEPT
TIGHT = timedelta(microseconds=1_000)


@pytest.fixture(params=["process", "file"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> HostMemory:
    return ProcessMemory() if request.param == "process" else SqliteMemory(tmp_path / "host.db")


def visit(call: int = 1, n: int = 1, at: datetime = NOON, session: int = 1) -> Visit:
    return Visit(
        session_id=UUID(int=session),
        call_id=UUID(int=call),
        fence=Fence(epoch=1, n=n),
        expires_at=ENDS,
        at=at,
    )


def test_a_call_is_new_once(memory: HostMemory) -> None:
    met = [memory.admit(visit(call)) for call in (1, 2, 1)]
    assert met == [Met.NEW, Met.NEW, Met.SEEN]


def test_a_lower_fence_is_overtaken_and_is_not_remembered_as_seen(memory: HostMemory) -> None:
    met = [memory.admit(visit(call, n)) for call, n in ((1, 2), (2, 1), (2, 2), (3, 10), (4, 9))]
    assert met == [Met.NEW, Met.OVERTAKEN, Met.NEW, Met.NEW, Met.OVERTAKEN]


def test_a_fence_after_a_restore_overtakes_whatever_number_was_before(memory: HostMemory) -> None:
    session = UUID(int=1)
    seen = [
        memory.is_overtaken(session, Fence(epoch=epoch, n=n), NOON)
        for epoch, n in ((1, 9), (2, 1), (1, 10), (2, 1))
    ]
    assert seen == [False, False, True, False]


def test_a_fence_that_nothing_vouches_for_overtakes_no_grant_and_a_grants_overtakes_it(
    memory: HostMemory,
) -> None:
    session = UUID(int=1)
    assert not memory.is_overtaken(session, Fence(epoch=9, n=9), NOON)
    assert memory.admit(visit(1, 5)) is Met.NEW
    assert memory.is_overtaken(session, Fence(epoch=9, n=8), NOON)
    other = UUID(int=2)
    memory.admit(visit(2, 5, session=2))
    assert memory.is_overtaken(other, Fence(epoch=1, n=4), NOON)
    assert not memory.is_overtaken(other, Fence(epoch=1, n=5), NOON)


@pytest.mark.parametrize(
    "make",
    [
        lambda _: ProcessMemory(told_max=3),
        lambda folder: SqliteMemory(folder / "host.db", told_max=3),
    ],
    ids=["process", "file"],
)
def test_of_fences_without_grants_those_that_were_seen_last_are_kept(
    make: Callable[[Path], HostMemory], tmp_path: Path
) -> None:
    memory = make(tmp_path)
    for second, session in enumerate((1, 2, 1, 3, 4)):
        at = NOON + timedelta(seconds=second)
        memory.is_overtaken(UUID(int=session), Fence(epoch=1, n=5), at)
    low, at = Fence(epoch=1, n=4), NOON + timedelta(seconds=9)
    assert [memory.is_overtaken(UUID(int=session), low, at) for session in (1, 3, 4)] == [True] * 3
    assert not memory.is_overtaken(UUID(int=2), low, at)


def test_a_fence_that_nothing_vouches_for_is_forgotten_in_time(memory: HostMemory) -> None:
    session, low = UUID(int=1), Fence(epoch=1, n=4)
    memory.is_overtaken(session, Fence(epoch=1, n=5), NOON)
    assert memory.is_overtaken(session, low, NOON + FENCE_KEPT - TIGHT)
    assert not memory.is_overtaken(session, low, NOON + 3 * FENCE_KEPT)


def test_a_call_is_remembered_for_a_day_after_its_grant_expired(memory: HostMemory) -> None:
    memory.admit(visit())
    assert memory.admit(visit(at=LATER - TIGHT)) is Met.SEEN
    assert memory.admit(visit(at=LATER)) is Met.NEW


def test_a_fence_is_remembered_since_it_was_last_seen(memory: HostMemory) -> None:
    memory.admit(visit(n=5))
    seen_again = NOON + FENCE_KEPT - TIGHT
    assert memory.admit(visit(2, 4, seen_again)) is Met.OVERTAKEN
    assert memory.admit(visit(3, 4, seen_again + FENCE_KEPT - TIGHT)) is Met.OVERTAKEN
    assert memory.admit(visit(4, 4, seen_again + 3 * FENCE_KEPT)) is Met.NEW


def test_a_session_that_goes_on_does_not_keep_others_from_being_forgotten(
    memory: HostMemory,
) -> None:
    memory.admit(visit(1, 5, session=1))
    memory.admit(visit(2, 5, session=2))
    memory.admit(visit(3, 5, NOON + FENCE_KEPT - TIGHT, session=1))
    assert memory.admit(visit(4, 4, NOON + FENCE_KEPT, session=2)) is Met.NEW
    assert memory.admit(visit(5, 4, NOON + FENCE_KEPT, session=1)) is Met.OVERTAKEN


def test_a_process_holds_nothing_that_it_need_not() -> None:
    memory = ProcessMemory()
    for call in range(50):
        memory.admit(visit(call, session=call))
    memory.admit(visit(99, at=NOON + 2 * FENCE_KEPT))
    assert repr(memory) == "ProcessMemory(1 calls, 1 sessions)"


@pytest.mark.parametrize("make", [lambda _: ProcessMemory(), SqliteMemory], ids=["process", "file"])
def test_of_many_who_come_with_one_call_at_once_one_is_let_in(
    make: Callable[[Path], HostMemory], tmp_path: Path
) -> None:
    memory = make(tmp_path / "host.db")
    together = threading.Barrier(8)

    def come(_: int) -> list[Met]:
        together.wait()
        return [memory.admit(visit(call)) for call in range(5)]

    with ThreadPoolExecutor(8) as crowd:
        met = list(crowd.map(come, range(8)))
    for call in range(5):
        assert sorted(one[call] for one in met) == sorted([Met.NEW] + [Met.SEEN] * 7)


def test_what_was_in_a_file_is_there_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "host.db"
    SqliteMemory(file).admit(visit(1, 7))
    again = SqliteMemory(file)
    assert again.admit(visit(1, 7)) is Met.SEEN
    assert again.is_overtaken(UUID(int=1), Fence(epoch=1, n=6), NOON)


def test_a_file_that_cannot_be_used_fails_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "host.db").write_text("not a database, and longer than a header would be" * 20)
    with pytest.raises(MemoryFailed, match=r"host\.db"):
        SqliteMemory(tmp_path / "host.db")
    with pytest.raises(MemoryFailed):
        SqliteMemory(tmp_path)
