"""Snapshots that workers take of long sessions."""

import logging
from typing import Final

from placet.kernel.refusals import NotFound
from placet.replay.sessions.policies import acting_for
from placet.replay.sessions.state import SNAPSHOT_EVENTS
from placet.replay.snapshots.model import HistoryUnreadable
from placet.replay.snapshots.rules import differing, latest_sound
from placet.replay.snapshots.service import fold_on, keep_snapshot, read_kept
from placet.storage.database import Database
from placet.storage.work import SNAPSHOT_SESSION, WorkDue, finish_due, take_due

BATCH: Final = 20
"""Sessions that one round takes."""

EVENTS_MAX: Final = 5_000
"""Events of a session that are folded before it has to wait for its turn again."""

TAKEN_SECONDS: Final = 60
_LOG: Final = logging.getLogger("placet.worker")


async def take_snapshots(db: Database) -> int:
    """Take a snapshot of every session that is due, over all tenants. Returns how many were due.

    May run on several nodes at once: what one has taken the others leave, and two that fold the
    same events keep the same.
    """
    due = await take_due(db, SNAPSHOT_SESSION, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    for work in due:
        try:
            await take_snapshot(db, work)
        except Exception:  # noqa: BLE001 -- one session's fault keeps no other waiting
            _LOG.exception("no snapshot of session %s was taken; it comes round again", work.ref)
    return len(due)


async def take_snapshot(db: Database, work: WorkDue) -> None:
    """Take a snapshot of one session if enough has happened, or say when to look again.

    A session whose events cannot be folded is told of in the log, and left alone.
    """
    who = acting_for(work.tenant_id)
    is_behind = False
    try:
        session, snapshots = await read_kept(db, who, work.ref)
        head = session.next_seq - 1
        begun = latest_sound(snapshots, head)
        end = min(head, begun.seq + EVENTS_MAX)
        if end - begun.seq >= SNAPSHOT_EVENTS:
            folded = await fold_on(db, who, session, begun, end)
            async with db.writing(who) as tx:
                await keep_snapshot(tx, work.ref, folded)
            if end == head and differing(session.state, folded.state):
                _LOG.error("the state of session %s is not what its events lead to", work.ref)
            is_behind = head - end >= SNAPSHOT_EVENTS
    except (HistoryUnreadable, NotFound) as fault:
        _LOG.warning("no snapshot of session %s is taken: %s", work.ref, fault)
    async with db.writing(who) as tx:
        await finish_due(tx, work, await tx.now() if is_behind else None)
