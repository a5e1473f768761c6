"""Bringing the sessions of a tenant into the present epoch."""

from collections.abc import Mapping
from uuid import UUID

from placet.authority.recovery.model import Recovering
from placet.authority.recovery.store import read_epoch
from placet.events.model import new_event
from placet.kernel.ids import Ids, TenantId
from placet.kernel.refusals import GovernanceUnavailable
from placet.kernel.value import Value
from placet.replay.calls.events import CallBecameUnknown
from placet.replay.calls.model import ReplayPendingCall
from placet.replay.restores import store
from placet.replay.restores.model import SessionRestored
from placet.replay.sessions.model import ReplaySession, SessionStopped
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database

BATCH = 100
ATTEMPTS = 20
WHY = "the database was restored"


async def restore_sessions(db: Database, tenant_id: TenantId, ids: Ids) -> tuple[int, int]:
    """Bring every session of an earlier epoch into the present one.

    Returns how many sessions there were and how many calls became unknown. What was done before is
    not done again. Refuses `recovering` where the epoch was not raised for this server.
    """
    epoch = (await read_epoch(db)).epoch
    sessions = calls = 0
    while True:
        async with db.reading(acting_for(tenant_id)) as tx:
            batch = await store.list_left_behind(tx, epoch, BATCH)
        if not batch:
            return sessions, calls
        for session in batch:
            calls += len(await _restore(db, session, epoch, ids))
        sessions += len(batch)


async def stop_sessions(
    db: Database, tenant_id: TenantId, stopped: Mapping[UUID, str], ids: Ids
) -> tuple[int, int]:
    """Stop sessions again that were stopped in what is lost.

    Returns how many were, and how many are not here.
    """
    codes = [
        await store.stop_session(
            db.hot, tenant_id, session, why, new_event(ids, SessionStopped(reason=why))
        )
        for session, why in stopped.items()
    ]
    return codes.count("ok"), codes.count("not_found")


async def _restore(db: Database, session: ReplaySession, epoch: int, ids: Ids) -> list[UUID]:
    for _ in range(ATTEMPTS):
        async with db.reading(acting_for(session.tenant_id)) as tx:
            granted = await store.list_granted(tx, session.session_id)
        said = told(session, granted, epoch)
        unknown = [call.call_id for call in granted]
        events = [new_event(ids, one) for one in said]
        code = await store.restore_session(db.hot, session, unknown, events)
        if code == "ok":
            return unknown
        if code == "recovering":
            raise Recovering(detail="the server changed while its sessions were being restored")
    raise GovernanceUnavailable(
        detail=f"session {session.session_id} kept moving while it was restored",
        retry_after_seconds=1,
    )


def told(session: ReplaySession, granted: list[ReplayPendingCall], epoch: int) -> list[Value]:
    """Return what a session's stream says of a restore."""
    unknown = [call.call_id for call in granted]
    restored = SessionRestored(epoch=epoch, from_epoch=session.epoch, unknown=unknown)
    return [
        restored,
        *(CallBecameUnknown(call_id=one.call_id, tool=one.tool_name, why=WHY) for one in granted),
    ]
