"""A host's memory in a file: shared by its processes, and still there after a restart."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from placet.evidence.fields import Fence
from placet.sdk.host.memory import CALL_KEPT, FENCE_KEPT, MemoryFailed
from placet.sdk.host.model import Met, Visit

_WAIT_SECONDS: Final = 10.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS placet_call (
    call_id TEXT PRIMARY KEY, forget_at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS placet_call_forget_ix ON placet_call (forget_at);
CREATE TABLE IF NOT EXISTS placet_fence (
    session_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, n INTEGER NOT NULL,
    forget_at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS placet_fence_forget_ix ON placet_fence (forget_at);
"""
_RAISE: Final = """
INSERT INTO placet_fence VALUES (?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET
    epoch = CASE WHEN (excluded.epoch, excluded.n) > (epoch, n) THEN excluded.epoch ELSE epoch END,
    n = CASE WHEN (excluded.epoch, excluded.n) > (epoch, n) THEN excluded.n ELSE n END,
    forget_at = max(forget_at, excluded.forget_at)
"""


class SqliteMemory:
    """A memory in one file on a local disk. Each visit is one transaction, kept before it counts.

    Any number of threads and processes may have it open. It must not lie on a network drive.
    """

    def __init__(self, file: Path) -> None:
        """Make the tables where they are missing. Raises `MemoryFailed`."""
        self._file = file
        with self._opened() as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)

    def __repr__(self) -> str:
        """Show which file."""
        return f"SqliteMemory({str(self._file)!r})"

    def admit(self, visit: Visit) -> Met:
        """Let a call in once, and only the caller with the highest fence of its session."""
        with self._changing() as db:
            _forget(db, visit.at)
            if _overtaken(db, visit.session_id, visit.fence, visit.at):
                return Met.OVERTAKEN
            forget_at = (visit.expires_at + CALL_KEPT).timestamp()
            added = db.execute(
                "INSERT INTO placet_call VALUES (?, ?) ON CONFLICT DO NOTHING",
                (str(visit.call_id), forget_at),
            )
            return Met.NEW if added.rowcount == 1 else Met.SEEN

    def is_overtaken(self, session_id: UUID, fence: Fence, at: datetime) -> bool:
        """Remember a fence, and tell whether a higher one was here."""
        with self._changing() as db:
            _forget(db, at)
            return _overtaken(db, session_id, fence, at)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        # Race: the file is locked before anything is looked at, so no two see the same call as new.
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(
                sqlite3.connect(self._file, timeout=_WAIT_SECONDS, isolation_level=None)
            ) as db:
                db.execute("PRAGMA synchronous = FULL")
                yield db
        except sqlite3.Error as fault:
            message = f"`{self._file}` cannot be used: {fault}"
            raise MemoryFailed(message) from fault


def _overtaken(db: sqlite3.Connection, session_id: UUID, fence: Fence, at: datetime) -> bool:
    forget_at = (at + FENCE_KEPT).timestamp()
    db.execute(_RAISE, (str(session_id), fence.epoch, fence.n, forget_at))
    epoch, n = db.execute(
        "SELECT epoch, n FROM placet_fence WHERE session_id = ?", (str(session_id),)
    ).fetchone()
    return fence < Fence(epoch=epoch, n=n)


def _forget(db: sqlite3.Connection, at: datetime) -> None:
    for name in ("placet_call", "placet_fence"):
        db.execute(f"DELETE FROM {name} WHERE forget_at <= ?", (at.timestamp(),))  # noqa: S608 -- one of our two tables
