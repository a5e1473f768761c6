"""Sessions as a key may see them, with the status that they have by all that is wider."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from placet.authority.controls import store as controls
from placet.authority.controls.model import Control
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.replay.sessions import store
from placet.replay.sessions.endings import ending_of
from placet.replay.sessions.model import ReplaySession, SessionStatus, SessionView
from placet.replay.sessions.service import view_of
from placet.storage.database import Reading


async def check_reach(tx: Reading, principal: Principal, session_id: UUID) -> ReplaySession:
    """Return a session that this key may see. Refuses `not_found` for every other."""
    session = await store.get_session(tx, session_id)
    if not may_see(principal, session):
        raise NotFound(detail="there is no such thing here")
    return session


async def show_sessions(tx: Reading, found: Sequence[ReplaySession]) -> list[SessionView]:
    """Return sessions with the status that each has by everything wider than itself.

    A kill wider than a session, and the end of its approval, touch no session's row at once.
    """
    killed = await controls.is_tenant_killed(tx)
    agents = await controls.list_killed_agents(tx, {each.agent for each in found})
    kills = await controls.list_artifact_kills(tx, {each.artifact_id for each in found})
    now = await tx.now()
    return [
        _as_it_counts(each, kills.get(each.artifact_id), now, killed=killed or each.agent in agents)
        for each in found
    ]


def may_see(principal: Principal, session: ReplaySession) -> bool:
    """Tell whether a key reaches this session: a runtime key only its own agent's there."""
    return principal.agent in {None, session.agent} and principal.environment in {
        None,
        session.environment,
    }


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
