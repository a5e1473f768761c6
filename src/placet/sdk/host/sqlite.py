"""A host's memory in a file: shared by its processes, and still there after a restart."""

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from placet.evidence.fields import Fence
from placet.sdk.host.memory import CALL_KEPT, FENCE_KEPT, TOLD_MAX, MemoryFailed
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
CREATE TABLE IF NOT EXISTS placet_told (
    session_id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, n INTEGER NOT NULL,
    forget_at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS placet_told_forget_ix ON placet_told (forget_at);
"""
_GRANTED: Final = "placet_fence"
_TOLD: Final = "placet_told"
_RAISE: Final = """
INSERT INTO {table} VALUES (?, ?, ?, ?) ON CONFLICT (session_id) DO UPDATE SET
    epoch = CASE WHEN (excluded.epoch, excluded.n) > (epoch, n) THEN excluded.epoch ELSE epoch END,
    n = CASE WHEN (excluded.epoch, excluded.n) > (epoch, n) THEN excluded.n ELSE n END,
    forget_at = max(forget_at, excluded.forget_at)
"""
_BOUND: Final = """
DELETE FROM placet_told WHERE session_id IN (
    SELECT session_id FROM placet_told ORDER BY forget_at DESC LIMIT -1 OFFSET ?)
"""


class SqliteMemory:
    """A memory in one file on a local disk. Each visit is one transaction, kept before it counts.

    Any number of threads and processes may have it open. It must not lie on a network drive.
    """

    def __init__(self, file: Path, *, told_max: int = TOLD_MAX) -> None:
        """Make the tables where they are missing. Raises `MemoryFailed`.

        Of fences without a grant those of `told_max` sessions are kept.
        """
        self._file = file
        self._told_max = told_max
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
            if visit.fence < _raised(db, _GRANTED, visit.session_id, visit.fence, visit.at):
                return Met.OVERTAKEN
            forget_at = (visit.expires_at + CALL_KEPT).timestamp()
            added = db.execute(
                "INSERT INTO placet_call VALUES (?, ?) ON CONFLICT DO NOTHING",
                (str(visit.call_id), forget_at),
            )
            return Met.NEW if added.rowcount == 1 else Met.SEEN

    def is_overtaken(self, session_id: UUID, fence: Fence, at: datetime) -> bool:
        """Remember a fence that nothing vouches for, and tell whether a higher one was here."""
        with self._changing() as db:
            _forget(db, at)
            told = _raised(db, _TOLD, session_id, fence, at)
            db.execute(_BOUND, (self._told_max,))
            granted = _highest(db, _GRANTED, session_id)
            return fence < told or (granted is not None and fence < granted)

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


def _raised(
    db: sqlite3.Connection, table: str, session_id: UUID, fence: Fence, at: datetime
) -> Fence:
    """Remember a fence, and return the highest that was seen."""
    forget_at = (at + FENCE_KEPT).timestamp()
    db.execute(_RAISE.format(table=table), (str(session_id), fence.epoch, fence.n, forget_at))
    return _highest(db, table, session_id) or fence


def _highest(db: sqlite3.Connection, table: str, session_id: UUID) -> Fence | None:
    found = db.execute(
        f"SELECT epoch, n FROM {table} WHERE session_id = ?",  # noqa: S608 -- one of our tables
        (str(session_id),),
    ).fetchone()
    return None if found is None else Fence(epoch=found[0], n=found[1])


def _forget(db: sqlite3.Connection, at: datetime) -> None:
    for name in ("placet_call", _GRANTED, _TOLD):
        db.execute(f"DELETE FROM {name} WHERE forget_at <= ?", (at.timestamp(),))  # noqa: S608 -- one of our tables
