"""What stands in a journal after any end of the process that wrote it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from placet.evidence.fields import Fence
from placet.replay.calls.model import ReceiptStatus
from placet.sdk.endpoints import Owed, Receipt
from placet.sdk.errors import JournalError, JournalInUse
from placet.sdk.journal import Journal, sessions_in

SESSION = UUID(int=7)
FENCE = Fence(epoch=1, n=3)
CALLS = [UUID(int=number) for number in range(100, 105)]


def owed(call_id: UUID, key: str, output: str | None = None) -> Owed:
    receipt = Receipt(
        call_id=call_id,
        idempotency_key=key,
        status=ReceiptStatus.SUCCEEDED,
        arguments_hash="0" * 64,
        output=output,
    )
    return Owed(receipt=receipt, grant="a-grant")


@contextlib.contextmanager
def journal(folder: Path) -> Iterator[Journal]:
    """Hold the journal of the one session as a process does that is killed at the end."""
    made = Journal(folder, SESSION).open()
    yield made
    made._release()  # noqa: SLF001 -- the end of a process, without the word that closing writes


def written(folder: Path) -> Path:
    """Write a journal in which one call is begun, one owed, and one over; return its file."""
    with journal(folder) as made:
        made.opens("worker-1")
        made.leased(FENCE)
        for call_id in CALLS[:3]:
            made.begins(call_id)
        made.owes(owed(CALLS[1], "k1", '"done"'))
        made.owes(owed(CALLS[2], "k2"))
        made.told(CALLS[2], "k2")
    (file,) = folder.glob("*.journal")
    return file


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    written(tmp_path)
    with journal(tmp_path) as again:
        assert again.holder == "worker-1"
        assert (again.knows(FENCE), again.knows(Fence(epoch=1, n=4))) == (True, False)
        assert again.begun() == CALLS[:2]
        assert again.owed() == [owed(CALLS[1], "k1", '"done"')]
        assert [again.may_have_begun(call_id) for call_id in CALLS[:3]] == [True, True, False]


def test_every_beginning_of_a_journal_is_read_as_what_it_was_then(tmp_path: Path) -> None:
    file = written(tmp_path)
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    begun: list[int] = []
    for end in range(len(whole) + 1):
        file.write_bytes(whole[:end])
        with journal(tmp_path) as read:
            begun.append(len(read.begun()))
            complete = sum(len(line) for line in _complete(lines, end))
            assert file.stat().st_size == complete
    assert sorted(set(begun)) == [0, 1, 2, 3]


def _complete(lines: list[bytes], end: int) -> Iterator[bytes]:
    for line in lines:
        end -= len(line)
        if end < 0:
            return
        yield line


def test_a_changed_byte_before_the_last_line_is_found(tmp_path: Path) -> None:
    file = written(tmp_path)
    whole = bytearray(file.read_bytes())
    for at in range(0, whole.rindex(b"\n"), 5):
        changed = bytes(whole[:at]) + bytes([whole[at] ^ 1]) + bytes(whole[at + 1 :])
        file.write_bytes(changed)
        with pytest.raises(JournalError, match="damaged"):
            Journal(tmp_path, SESSION).open()


def test_another_sessions_journal_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    written(tmp_path).rename(tmp_path / f"{CALLS[0]}.journal")
    with pytest.raises(JournalError, match="another session"):
        Journal(tmp_path, CALLS[0]).open()


def test_one_at_a_time_holds_a_journal_also_while_it_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.sdk.journal._COMPACT_BYTES", 600)
    with journal(tmp_path) as made:
        made._compact_at = 600  # noqa: SLF001 -- as it would be with the smaller limit
        made.opens("worker-1")
        made.leased(FENCE)
        made.begins(CALLS[0])
        for number in range(50):
            made.owes(owed(CALLS[1], f"k{number}", '"x"'))
            made.told(CALLS[1], f"k{number}")
            with pytest.raises(JournalInUse):
                Journal(tmp_path, SESSION).open()
        (file,) = tmp_path.glob("*.journal")
        assert file.stat().st_size < 2_000
    with journal(tmp_path) as again:
        assert (again.holder, again.begun(), again.owed()) == ("worker-1", [CALLS[0]], [])
        assert again.knows(FENCE)


def test_a_journal_with_nothing_open_goes_when_it_is_closed(tmp_path: Path) -> None:
    made = Journal(tmp_path, SESSION).open()
    made.opens("worker-1")
    made.begins(CALLS[0])
    made.close()
    made.close()
    assert sessions_in(tmp_path) == [SESSION]
    again = Journal(tmp_path, SESSION).open()
    again.told(CALLS[0], "k")
    again.close()
    assert sessions_in(tmp_path) == []


def test_a_journal_is_private_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placet.sdk.journal.OPEN_MAX", 2)
    monkeypatch.setattr("placet.sdk.journal.BYTES_MAX", 500)
    with journal(tmp_path) as made:
        for call_id in CALLS[:2]:
            made.begins(call_id)
            made.begins(call_id)
        with pytest.raises(JournalError, match="2 calls"):
            made.begins(CALLS[2])
        with pytest.raises(JournalError, match="500 bytes"):
            made.owes(owed(CALLS[0], "k", "x" * 500))
        assert made.owed() == []
    (file,) = tmp_path.glob("*.journal")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_used_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot be used"):
        Journal(tmp_path / "file", SESSION).open()
    closed = Journal(tmp_path, SESSION)
    with pytest.raises(JournalError, match="not open"):
        closed.begins(CALLS[0])
