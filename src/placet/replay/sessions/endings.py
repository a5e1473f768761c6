"""Sessions whose approval ended: the end is written down that controls and clock have told already.

Safety does not wait for it. Every function of the hot path reads controls and clock itself, so a
session under a revoked or expired approval is granted nothing from that moment on. A revoked one
becomes `killed`. One whose approval expired becomes `expired`, unless it is closing: then it goes
on to its end.
"""

import logging
from datetime import datetime, timedelta
from typing import Final

from placet.authority.controls import store as controls
from placet.authority.controls.model import Control
from placet.events.model import new_event
from placet.kernel.ids import Ids
from placet.replay.sessions import store
from placet.replay.sessions.model import ReplaySession, SessionEnding, SessionStatus, SessionStopped
from placet.replay.sessions.policies import acting_for
from placet.replay.sessions.refusals import ArtifactRevoked, AuthorityExpired
from placet.storage.database import Database
from placet.storage.work import WorkDue, finish_due, take_due

END_SESSIONS: Final = "end_sessions"
"""Work on the sessions under an artifact that ended; `ref` is the artifact's id."""

BATCH: Final = 100
TAKEN_SECONDS: Final = 30
AGAIN: Final = timedelta(seconds=10)
EXPIRING: Final = (SessionStatus.ACTIVE,)
STOPPED: Final = (SessionStatus.ACTIVE, SessionStatus.CLOSING)
_LOG: Final = logging.getLogger("placet.worker")


async def end_due(db: Database, ids: Ids) -> int:
    """End the sessions under every artifact that is due, over all tenants.

    Returns how many artifacts there were. May run on several nodes at once.
    """
    due = await take_due(db, END_SESSIONS, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    for work in due:
        try:
            await end_sessions(db, ids, work)
        except Exception:  # noqa: BLE001 -- one artifact's fault keeps no other waiting
            _LOG.exception("sessions under %s were not ended and come round again", work.ref)
    return len(due)


async def end_sessions(db: Database, ids: Ids, work: WorkDue) -> int:
    """End a batch of the sessions under an artifact. Returns how many were written to.

    It is due again at once while there may be more, and a little later if one stood otherwise.
    """
    who = acting_for(work.tenant_id)
    async with db.reading(who) as tx:
        kill = (await controls.list_artifact_kills(tx, [work.ref])).get(work.ref)
        found = await store.list_open_under(
            tx, work.ref, EXPIRING if kill is None else STOPPED, limit=BATCH
        )
        now = await tx.now()
    endings = [ending for ending in (ending_of(each, kill, now) for each in found) if ending]
    codes = [
        await store.end_session(
            db.hot, work.tenant_id, ending, new_event(ids, SessionStopped(reason=ending.why))
        )
        for ending in endings
    ]
    async with db.writing(who) as tx:
        next_at = None
        if "redo" in codes:
            next_at = now + AGAIN
        elif endings and len(found) == BATCH:
            next_at = now
        await finish_due(tx, work, next_at)
    return codes.count("ok")


def ending_of(session: ReplaySession, kill: Control | None, now: datetime) -> SessionEnding | None:
    """Return what a session under an artifact becomes, or None if it goes on."""
    if kill is not None:
        return SessionEnding(
            session_id=session.session_id,
            barred=ArtifactRevoked.code(),
            was=STOPPED,
            status=SessionStatus.KILLED,
            why=f"its approval was revoked: {kill.reason}",
        )
    until = session.authority_until
    if until is None or now < until or session.status is not SessionStatus.ACTIVE:
        return None
    return SessionEnding(
        session_id=session.session_id,
        barred=AuthorityExpired.code(),
        was=EXPIRING,
        status=SessionStatus.EXPIRED,
        why="its approval expired" if session.activation_id is None else "its activation ended",
    )
