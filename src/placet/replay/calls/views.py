"""Reading a session with its open calls."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from placet.authority.controls import store as controls
from placet.authority.controls.model import Control
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.kernel.value import Input
from placet.replay.calls import store
from placet.replay.calls.answers import PendingCallView, SessionWithPending
from placet.replay.calls.model import ReplayPendingCall
from placet.replay.sessions import store as sessions
from placet.replay.sessions.endings import ending_of
from placet.replay.sessions.model import ReplaySession, SessionStatus, SessionView
from placet.replay.sessions.service import view_of
from placet.storage.database import Reading


class SessionQuery(Input, frozen=True):
    """What to read beside the session itself."""

    include: Literal["pending"] | None = None


async def read_session(
    tx: Reading, principal: Principal, session_id: UUID, asked: SessionQuery
) -> SessionWithPending:
    """Return a session that this key may see. Refuses `not_found` for every other."""
    session = await sessions.get_session(tx, session_id)
    if not may_see(principal, session):
        raise NotFound(detail="there is no such thing here")
    pending = None
    if asked.include is not None:
        pending = [_view(call) for call in await store.list_open_calls(tx, session_id)]
    (view,) = await show_sessions(tx, [session])
    return SessionWithPending(**msgspec.structs.asdict(view), pending=pending)


async def show_sessions(tx: Reading, found: Sequence[ReplaySession]) -> list[SessionView]:
    """Return sessions with the status that each has by everything wider than itself.

    A kill wider than a session, and the end of its approval, touch no session's row at once.
    """
    killed = await controls.is_tenant_killed(tx)
    kills = await controls.list_artifact_kills(tx, {each.artifact_id for each in found})
    now = await tx.now()
    return [_as_it_counts(each, kills.get(each.artifact_id), now, killed=killed) for each in found]


def _as_it_counts(
    session: ReplaySession, kill: Control | None, now: datetime, *, killed: bool
) -> SessionView:
    view = view_of(session)
    if view.ended_at is not None:
        return view
    if killed:
        return msgspec.structs.replace(view, status=SessionStatus.KILLED)
    ending = ending_of(session, kill, now)
    return view if ending is None else msgspec.structs.replace(view, status=ending.status)


def may_see(principal: Principal, session: ReplaySession) -> bool:
    """Tell whether a key reaches this session: a runtime key only its own agent's there."""
    return principal.agent in {None, session.agent} and principal.environment in {
        None,
        session.environment,
    }


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
