"""Sessions that have lasted as long as their contract allows: the end is written down.

Safety does not wait for it. Past its time every call of a session is refused by the policy, as of
the database's clock in the statement that would write. Here the session becomes `expired`, so that
nobody waits for it any more. The time that it waits for people does not count; one that is closing
goes on to its end.
"""

import logging
from datetime import datetime, timedelta
from typing import Final

from placet.events.model import new_event
from placet.kernel.ids import Ids
from placet.kernel.refusals import NotFound
from placet.replay.sessions import store
from placet.replay.sessions.model import ReplaySession, SessionEnding, SessionStatus, SessionStopped
from placet.replay.sessions.policies import Policies, acting_for
from placet.storage.database import Database, Reading
from placet.storage.work import WorkDue, finish_due, take_due

EXPIRE_SESSION: Final = "expire_session"
"""Work on a session whose time may have run out; `ref` is the session's id."""

BATCH: Final = 100
TAKEN_SECONDS: Final = 30
WHY: Final = "it lasted as long as its contract allows"
LIMIT: Final = "max_seconds"
_LOG: Final = logging.getLogger("placet.worker")


async def expire_due(db: Database, policies: Policies, ids: Ids) -> int:
    """End every session whose time is due to be looked at, over all tenants, if it has run out.

    Returns how many were looked at. May run on several nodes at once.
    """
    due = await take_due(db, EXPIRE_SESSION, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    for work in due:
        try:
            await expire_session(db, policies, ids, work)
        except Exception:  # noqa: BLE001 -- one session's fault keeps no other waiting
            _LOG.exception("session %s was not looked at and comes round again", work.ref)
    return len(due)


async def expire_session(db: Database, policies: Policies, ids: Ids, work: WorkDue) -> None:
    """End a session if its time has run out, or say when to look again."""
    who = acting_for(work.tenant_id)
    async with db.reading(who) as tx:
        session = await _find(tx, work)
        now = await tx.now()
    next_at = None
    if session is not None and session.status is SessionStatus.ACTIVE:
        pinned = await policies.get(db, work.tenant_id, session.artifact_id)
        if (lasts := pinned.policy.limits.lasts) is not None:
            left = time_left(session, lasts, now)
            next_at = now + left if left > timedelta() else None
            if next_at is None:
                said = new_event(ids, SessionStopped(reason=WHY, limit=LIMIT))
                code = await store.end_session(db.hot, work.tenant_id, ending_of(session), said)
                next_at = now if code == "redo" else None
    async with db.writing(who) as tx:
        await finish_due(tx, work, next_at)


def time_left(session: ReplaySession, lasts: timedelta, now: datetime) -> timedelta:
    """Return how much of its time a session has left; it stands still while people are asked."""
    until = now if session.waiting_since is None else session.waiting_since
    return lasts - (until - session.created_at - timedelta(microseconds=session.waited_us))


def ending_of(session: ReplaySession) -> SessionEnding:
    """Return what a session becomes whose time has run out.

    Where its approval has ended meanwhile, that is what will be written down instead.
    """
    return SessionEnding(
        session_id=session.session_id,
        barred=None,
        was=(SessionStatus.ACTIVE,),
        status=SessionStatus.EXPIRED,
        why=WHY,
        decided_version=session.state_version,
    )


async def _find(tx: Reading, work: WorkDue) -> ReplaySession | None:
    try:
        return await store.get_session(tx, work.ref)
    except NotFound:
        return None
