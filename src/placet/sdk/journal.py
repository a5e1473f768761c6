"""What one process may have begun in a session, on disk, for the process that comes after it.

One file per session and folder, which one process at a time may hold. Each line is a record with
its checksum, and is on disk before it counts: that a call is about to be begun before it is, and
what a tool came to before that is told. So after any end of the process the next one knows which
granted calls it surely never began, which may have run, and which receipts are owed.

A folder that is copied, or put back as it was earlier, knows less than it seems to: it stays on
the disk where it was written. A call whose grant was redeemed stands here before that is asked for,
so that one which is missing gives such a folder away.

Arguments stand in no journal; what a tool returned does, and after its receipt has arrived until
the file is written anew or goes. A last line that was cut off in the middle never counted. Any
other damage, and a folder that cannot be written, refuse: without its journal a process would take
for not begun what was.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final, Self
from uuid import UUID

from placet.evidence.fields import Fence
from placet.sdk.endpoints import Owed
from placet.sdk.errors import JournalError, JournalInUse
from placet.sdk.records import (
    Begins,
    Doubted,
    Kept,
    Leased,
    Opened,
    Owes,
    Record,
    Refused,
    Told,
    line_of,
    record_in,
)

OPEN_MAX: Final = 10_000
"""Calls that one journal holds open at most."""

BYTES_MAX: Final = 64 * 1024 * 1024
"""Bytes that one journal has at most, after it was written anew without what is over."""

_COMPACT_BYTES: Final = 1024 * 1024
_PRIVATE: Final = 0o600
_ENDING: Final = ".journal"
_FRESH: Final = ".new"


class Journal:
    """The journal of one session, held by this process until it is closed. For any thread."""

    def __init__(self, folder: Path, session_id: UUID) -> None:
        """Take the folder and the session; `open` reads what stands there."""
        self._path = folder / f"{session_id}{_ENDING}"
        self._session_id = session_id
        self._lock = threading.Lock()
        self._held: FileIO | None = None
        self._size = 0
        self._least = 0
        self._compact_at = _COMPACT_BYTES
        self._is_torn = False
        self.kept = Kept()

    def __repr__(self) -> str:
        """Show where it stands and how much is open."""
        return f"Journal({str(self._path)!r}, {self.kept!r})"

    @property
    def holder(self) -> str | None:
        """Return the name under which the lease was held, or none in a new journal."""
        return None if self.kept.opened is None else self.kept.opened.holder

    def open(self) -> Self:
        """Hold the journal and read it.

        Raises `JournalInUse` where somebody else holds it, and `JournalError` where it cannot be
        read or written, or is damaged.
        """
        with _failing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._held = _hold(self._path)
            try:
                # What a process left that was killed while it wrote the file anew.
                self._path.with_suffix(_FRESH).unlink(missing_ok=True)
                self._read()
            except BaseException:
                self._release()
                raise
        return self

    def opens(self, holder: str) -> None:
        """Note under which name the session's lease is asked for, before it is."""
        if self.holder != holder:
            self._write(Opened(session_id=self._session_id, holder=holder))

    def leased(self, fence: Fence) -> None:
        """Note that this journal knows of every call that is begun under this fence."""
        if fence not in self.kept.fences:
            self._write(Leased(fence=fence))

    def doubts(self, fence: Fence | None) -> None:
        """Note that a call may be begun under this fence that never stands here."""
        if fence is not None and fence in self.kept.fences:
            self._write(Doubted(fence=fence))

    def knows(self, fence: Fence | None) -> bool:
        """Tell whether every call that was begun under this fence stands here."""
        return fence in self.kept.fences

    def owed(self) -> list[Owed]:
        """Return the receipts that are still to be delivered, the first one first."""
        with self._lock:
            return list(self.kept.owed.values())

    def begun(self) -> list[UUID]:
        """Return the calls that may have been begun and of which nothing has arrived yet."""
        with self._lock:
            return list(self.kept.begun)

    def may_have_begun(self, call_id: UUID) -> bool:
        """Tell whether a call was begun, or was about to be, by whoever held this journal."""
        return call_id in self.kept.begun

    def begins(self, call_id: UUID) -> None:
        """Note that a call is about to be begun. Raises `JournalError`: then it may not be."""
        if len(self.kept.begun) >= OPEN_MAX and call_id not in self.kept.begun:
            message = f"{OPEN_MAX} calls are open in the journal `{self._path}`"
            raise JournalError(message)
        if call_id not in self.kept.begun:
            self._write(Begins(call_id=call_id))

    def owes(self, owed: Owed) -> None:
        """Note a receipt that is to be delivered."""
        self._write(Owes(owed=owed))

    def told(self, call_id: UUID, key: str) -> None:
        """Note that a receipt has arrived: nothing more is to be done about its call."""
        if call_id in self.kept.begun or key in self.kept.owed:
            # What is said again after a crash is only said twice: the disk need not hurry.
            self._write(Told(call_id=call_id, key=key), is_over=True)

    def refused(self, key: str) -> None:
        """Note that a receipt is refused for good. Its call may have been begun all the same."""
        if key in self.kept.owed:
            self._write(Refused(key=key), is_over=True)

    def close(self, *, is_ended: bool = False) -> None:
        """Let go of the journal; a file with nothing open goes. Closing twice does nothing.

        Of a session that has ended only what is owed is open: nobody begins a call there any more,
        or takes over what may have been begun.
        """
        with self._lock, contextlib.suppress(OSError):
            is_over = self.kept.is_over or (is_ended and not self.kept.owed)
            if self._held is not None and is_over:
                self._path.unlink(missing_ok=True)
            self._release()

    def _read(self) -> None:
        stream = self._file()
        text = stream.read()
        good = 0
        for line in text.splitlines(keepends=True):
            record = record_in(line)
            if record is None:
                break
            self.kept.take(record)
            good += len(line)
        if b"\n" in text[good:]:
            message = f"the journal `{self._path}` is damaged at byte {good}"
            raise JournalError(message)
        if self.kept.opened is not None and self.kept.opened.session_id != self._session_id:
            message = f"the journal `{self._path}` is another session's"
            raise JournalError(message)
        stream.truncate(good)
        stream.seek(good)
        self._size = good
        if self._size > self._compact_at:
            self._compact()

    def _write(self, record: Record, *, is_over: bool = False) -> None:
        # What tells that something is over makes room, so it always fits; and it need not hurry.
        with self._lock, _failing(self._path):
            line = line_of(record)
            if not is_over:
                self._make_room(len(line))
            self._append(line, hurries=not is_over)
            self.kept.take(record)
            if self._size > self._compact_at:
                self._compact()

    def _make_room(self, size: int) -> None:
        self._file()
        # Where nothing was written since, writing it anew again would win nothing.
        if self._size + size > BYTES_MAX and self._size > self._least:
            self._compact()
        if self._size + size > BYTES_MAX:
            message = f"the journal `{self._path}` would have more than {BYTES_MAX} bytes"
            raise JournalError(message)

    def _append(self, line: bytes, *, hurries: bool) -> None:
        stream = self._file()
        try:
            _write_all(stream, line)
            if hurries:
                os.fdatasync(stream.fileno())
        except BaseException:
            # What was half written must not stand before what comes next.
            try:
                stream.truncate(self._size)
                stream.seek(self._size)
            except OSError:
                self._is_torn = True
            raise
        self._size += len(line)

    def _compact(self) -> None:
        """Write the file anew, without what is over; whoever looks sees the old or the new one."""
        fresh = self._path.with_suffix(_FRESH)
        stream = _hold(fresh)
        try:
            stream.truncate(0)
            text = b"".join(line_of(record) for record in self.kept.records())
            _write_all(stream, text)
            os.fsync(stream.fileno())
            fresh.replace(self._path)
        except BaseException:
            stream.close()
            raise
        self._release()
        self._held, self._size, self._least = stream, len(text), len(text)
        # A file that is nearly full of what is open is not written anew with every line.
        self._compact_at = max(_COMPACT_BYTES, min(2 * len(text), BYTES_MAX))
        _sync_folder(self._path.parent)

    def _file(self) -> FileIO:
        if self._held is None or self._is_torn:
            why = "is not open" if self._held is None else "ends in half a line that cannot go"
            message = f"the journal `{self._path}` {why}"
            raise JournalError(message)
        return self._held

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.close()


def sessions_in(folder: Path) -> list[UUID]:
    """Return the sessions with something open in this folder: those to take over."""
    found = []
    for path in sorted(folder.glob(f"*{_ENDING}")):
        with contextlib.suppress(ValueError):
            found.append(UUID(path.name.removesuffix(_ENDING)))
    return found


def _hold(path: Path) -> FileIO:
    """Return the file, which nobody else holds. Raises `JournalInUse`."""
    while True:
        stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, _PRIVATE), "r+b", buffering=0)
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have been taken away between its opening and the lock.
            if path.exists() and path.stat().st_ino == os.fstat(stream.fileno()).st_ino:
                _sync_folder(path.parent)
                return stream
        except BlockingIOError:
            stream.close()
            message = f"somebody else holds the journal `{path}`"
            raise JournalInUse(message) from None
        except BaseException:
            stream.close()
            raise
        stream.close()


@contextlib.contextmanager
def _failing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        message = f"the journal `{path}` cannot be used: {fault.strerror}"
        raise JournalError(message) from fault


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _write_all(stream: FileIO, text: bytes) -> None:
    left = memoryview(text)
    while left:
        left = left[stream.write(left) or 0 :]
