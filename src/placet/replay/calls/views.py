"""Reading a session with its open calls."""

from typing import Literal
from uuid import UUID

import msgspec

from placet.kernel.principal import Principal
from placet.kernel.value import Input
from placet.replay.calls import store
from placet.replay.calls.answers import PendingCallView, SessionWithPending
from placet.replay.calls.model import ReplayPendingCall
from placet.replay.sessions.views import check_reach, show_sessions
from placet.storage.database import Reading


class SessionQuery(Input, frozen=True):
    """What to read beside the session itself."""

    include: Literal["pending"] | None = None


async def read_session(
    tx: Reading, principal: Principal, session_id: UUID, asked: SessionQuery
) -> SessionWithPending:
    """Return a session that this key may see. Refuses `not_found` for every other."""
    session = await check_reach(tx, principal, session_id)
    pending = None
    if asked.include is not None:
        pending = [_view(call) for call in await store.list_open_calls(tx, session_id)]
    (view,) = await show_sessions(tx, [session])
    return SessionWithPending(**msgspec.structs.asdict(view), pending=pending)


def _view(call: ReplayPendingCall) -> PendingCallView:
    return PendingCallView(
        call_id=call.call_id,
        step_id=call.step_id,
        tool_call_id=call.tool_call_id,
        tool=call.tool_name,
        arguments_hash=call.arguments_hash.hex(),
        arguments=call.arguments.decode(errors="replace"),
        status=call.status,
        execution_state=call.execution_state,
        commit_state=call.commit_state,
        evidence_level=call.evidence_level,
        start_required=call.start_required,
        proposed_at=call.proposed_at,
        deadline=call.deadline_at,
        granted_at=call.granted_at,
        grant_expires_at=call.grant_expires_at,
        started_at=call.started_at,
    )
