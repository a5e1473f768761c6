"""What stands in a journal after any end of the process that wrote it."""

import contextlib
import resource
import signal
from collections.abc import Iterator
from io import FileIO
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


def test_a_refused_receipt_is_owed_no_more_but_its_call_stays_begun(tmp_path: Path) -> None:
    with journal(tmp_path) as made:
        made.leased(FENCE)
        made.begins(CALLS[0])
        made.owes(owed(CALLS[0], "k"))
        made.refused("k")
        made.refused("k")
    with journal(tmp_path) as again:
        assert (again.owed(), again.begun(), again.knows(FENCE)) == ([], [CALLS[0]], True)


def test_a_doubted_fence_is_not_known_again(tmp_path: Path) -> None:
    with journal(tmp_path) as made:
        made.leased(FENCE)
        made.doubts(FENCE)
        made.doubts(None)
        assert not made.knows(FENCE)
    with journal(tmp_path) as again:
        assert not again.knows(FENCE)


def test_what_is_over_never_fills_a_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("placet.sdk.journal._COMPACT_BYTES", 1_000)
    monkeypatch.setattr("placet.sdk.journal.BYTES_MAX", 8_000)
    monkeypatch.setattr("placet.sdk.journal.os.fdatasync", lambda _: None)
    with journal(tmp_path) as made:
        made._compact_at = 1_000  # noqa: SLF001 -- as it would be with the smaller limit
        made.leased(FENCE)
        for _ in range(2):
            told = 0
            with contextlib.suppress(JournalError):
                for told in range(1, 100):
                    made.owes(owed(CALLS[0], f"k{told}", "y" * 600))
            assert told > 5, "what was over has made room"
            for number in range(told):
                made.told(CALLS[0], f"k{number}")
            assert made.owed() == []
        for number in range(50):
            made.owes(owed(CALLS[1], f"k{number}", "y" * 600))
            made.told(CALLS[1], f"k{number}")
    with journal(tmp_path) as again:
        assert again.knows(FENCE)
        assert again.owed() == []


def test_a_journal_is_written_anew_where_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path)
    size = file.stat().st_size
    monkeypatch.setattr("placet.sdk.journal._COMPACT_BYTES", 100)
    with journal(tmp_path) as again:
        assert (again.knows(FENCE), again.begun()) == (True, CALLS[:2])
        assert file.stat().st_size < size


@contextlib.contextmanager
def full_disk(file: Path, room: int) -> Iterator[None]:
    """Let files grow no further than so many bytes beyond this one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_failed_takes_no_later_one_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_: int) -> None:
        raise OSError(5, "it fails")

    with journal(tmp_path) as made:
        made.leased(FENCE)
        (file,) = tmp_path.glob("*.journal")
        with full_disk(file, 10), pytest.raises(JournalError, match="cannot be used"):
            made.begins(CALLS[0])
        made.begins(CALLS[1])
        with monkeypatch.context() as patched:
            patched.setattr("placet.sdk.journal.os.fdatasync", failing)
            with pytest.raises(JournalError, match="it fails"):
                made.begins(CALLS[2])
    with journal(tmp_path) as again:
        assert again.begun() == [CALLS[1]]


def test_where_a_half_line_stays_nothing_is_written_after_it(tmp_path: Path) -> None:
    with journal(tmp_path) as made:
        made.begins(CALLS[0])
        (file,) = tmp_path.glob("*.journal")
        made._release()  # noqa: SLF001 -- the file is held anew below
        made._held = Torn(file, "r+b")  # noqa: SLF001 -- a disk that fails in the middle
        with pytest.raises(JournalError, match="it fails"):
            made.begins(CALLS[1])
        with pytest.raises(JournalError, match="half a line"):
            made.begins(CALLS[2])
        assert made.begun() == CALLS[:1]


class Torn(FileIO):
    """A file that takes nothing, and gives nothing back."""

    def write(self, _: object, /) -> int:
        """Fail."""
        raise OSError(5, "it fails")

    def truncate(self, _: int | None = None, /) -> int:
        """Fail."""
        raise OSError(5, "it fails")


def test_the_file_of_an_ended_session_goes_unless_something_is_owed(tmp_path: Path) -> None:
    made = Journal(tmp_path, SESSION).open()
    made.begins(CALLS[0])
    made.owes(owed(CALLS[0], "k1"))
    made.begins(CALLS[1])
    made.close(is_ended=True)
    assert sessions_in(tmp_path) == [SESSION]
    made = Journal(tmp_path, SESSION).open()
    made.told(CALLS[0], "k1")
    made.close()
    assert sessions_in(tmp_path) == [SESSION]
    Journal(tmp_path, SESSION).open().close(is_ended=True)
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_of_a_file_that_was_being_written_anew_goes(tmp_path: Path) -> None:
    file = written(tmp_path)
    fresh = file.with_suffix(".new")
    fresh.write_bytes(b"half of it")
    with journal(tmp_path) as again:
        assert not fresh.exists()
        assert again.begun() == CALLS[:2]
