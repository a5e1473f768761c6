"""Reading a session with its open calls."""

from uuid import UUID

import msgspec

from placet.authority import store as authority
from placet.kernel.principal import Principal, Scope
from placet.replay.calls import store as calls
from placet.replay.pending import store
from placet.replay.pending.model import (
    PENDING_MAX,
    RECEIPTS_MAX,
    SessionQuery,
    SessionWithPending,
)
from placet.replay.pending.rules import show_call
from placet.replay.sessions.policies import Policies
from placet.replay.sessions.views import check_reach, show_sessions
from placet.storage.database import Reading


async def read_session(
    tx: Reading, principal: Principal, session_id: UUID, asked: SessionQuery, policies: Policies
) -> SessionWithPending:
    """Return a session that this key may see. Refuses `not_found` for every other.

    A key that runs the agent reads what tools were given and answered; any other reads what the
    contract does not redact.
    """
    session = await check_reach(tx, principal, session_id)
    pending, is_more = None, False
    if asked.include is not None:
        found = await calls.list_open_calls(tx, session_id, limit=PENDING_MAX + 1)
        found, is_more = found[:PENDING_MAX], len(found) > PENDING_MAX
        artifact = await authority.get_artifact(tx, session.artifact_id)
        policy = (await policies.keep(tx, artifact)).policy
        is_whole = Scope.RUNTIME in principal.scopes
        receipts = await store.list_first_receipts(
            tx, session_id, [call.call_id for call in found], limit=RECEIPTS_MAX
        )
        pending = [
            show_call(policy, call, receipts.get(call.call_id, []), is_whole=is_whole)
            for call in found
        ]
    (view,) = await show_sessions(tx, [session])
    return SessionWithPending(**msgspec.structs.asdict(view), pending=pending, more_pending=is_more)
