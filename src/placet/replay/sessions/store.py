"""Questions about sessions, and the calls of the functions that change them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa

from placet.events.model import SYSTEM_ACTOR, NewEvent, StreamId
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.replay.assertions.model import Asserted
from placet.replay.sessions.lease_model import ChangeLease
from placet.replay.sessions.model import ReplaySession, SessionEnding, SessionStatus
from placet.replay.sessions.state import SessionHead
from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import HotPool, Reading, Writing

_OPEN = sa.text(
    "SELECT code, created_at, epoch FROM placet.session_open_v1"
    "(CAST(:row AS jsonb), :state, :actor, :event, :type, :salt, :body, CAST(:asserted AS jsonb))"
).bindparams(
    sa.bindparam("row", type_=sa.Text),
    sa.bindparam("state", type_=sa.LargeBinary),
    sa.bindparam("actor", type_=sa.Uuid),
    sa.bindparam("event", type_=sa.Uuid),
    sa.bindparam("type", type_=sa.Text),
    sa.bindparam("salt", type_=sa.LargeBinary),
    sa.bindparam("body", type_=sa.LargeBinary),
    sa.bindparam("asserted", type_=sa.Text),
)
_CUT = sa.text("SELECT cut FROM placet.session_cut_v1(:artifact, :activation)").bindparams(
    sa.bindparam("artifact", type_=sa.Uuid), sa.bindparam("activation", type_=sa.Uuid)
)
_OPENED_WITH = frozenset(
    {
        "session_id",
        "plan_id",
        "agent",
        "environment",
        "mode",
        "tier",
        "artifact_id",
        "compiled_session_hash",
        "contract_hash",
        "current_phase",
        "authority_until",
        "activation_id",
        "principal",
    }
)
_LEASE = "SELECT * FROM placet.lease_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
_KILL = "SELECT * FROM placet.kill_v1($1, $2, $3, $4, $5, $6, $7, $8)"
_END = "SELECT * FROM placet.session_end_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"


async def get_session(tx: Reading, session_id: UUID) -> ReplaySession:
    """Return a session. Refuses `not_found`."""
    found = await tx.find(
        ReplaySession,
        sa.select(REPLAY_SESSION).where(
            REPLAY_SESSION.c.tenant_id == tx.tenant_id,
            REPLAY_SESSION.c.session_id == session_id,
        ),
    )
    if found is None:
        raise NotFound(detail="there is no such thing here")
    return found


async def list_sessions(
    tx: Reading, principal: Principal, *, before: UUID | None, limit: int
) -> list[ReplaySession]:
    """Return the sessions that a key may see, the newest first, older than `before`."""
    query = sa.select(REPLAY_SESSION).where(REPLAY_SESSION.c.tenant_id == tx.tenant_id)
    if principal.agent is not None:
        query = query.where(REPLAY_SESSION.c.agent == principal.agent)
    if principal.environment is not None:
        query = query.where(REPLAY_SESSION.c.environment == principal.environment)
    if before is not None:
        query = query.where(REPLAY_SESSION.c.session_id < before)
    return await tx.list(
        ReplaySession, query.order_by(REPLAY_SESSION.c.session_id.desc()).limit(limit)
    )


async def list_next_seqs(tx: Reading, sessions: Collection[UUID]) -> dict[UUID, int]:
    """Return the next sequence number of each of these sessions' streams."""
    c = REPLAY_SESSION.c
    query = sa.select(c.session_id, c.next_seq)
    found = await tx.rows(query.where(c.tenant_id == tx.tenant_id, c.session_id.in_(sessions)))
    return {row.session_id: row.next_seq for row in found}


async def list_heads(tx: Reading) -> list[SessionHead]:
    """Return where the streams of all sessions stand."""
    c = REPLAY_SESSION.c
    query = sa.select(c.session_id, c.next_seq, c.head).where(c.tenant_id == tx.tenant_id)
    return await tx.list(SessionHead, query.order_by(c.session_id))


async def open_session(
    tx: Writing, row: ReplaySession, event: NewEvent, asserted: Asserted | None = None
) -> tuple[str, datetime | None, int | None]:
    """Insert a session with its first event, on an assertion where one came.

    Returns a code, and with `ok` the time and the epoch that the session carries.
    """
    plain = {
        name: value for name, value in msgspec.to_builtins(row).items() if name in _OPENED_WITH
    }
    found = await tx.returning(
        _OPEN.bindparams(
            row=msgspec.json.encode(plain).decode(),
            state=row.state,
            actor=tx.actor_id,
            event=event.event_id,
            type=event.type,
            salt=event.salt,
            body=event.body,
            asserted=None if asserted is None else msgspec.json.encode(asserted).decode(),
        )
    )
    assert found is not None, "the function returns one row"  # noqa: S101 -- it has OUT parameters
    return found.code, found.created_at, found.epoch


async def cut_sessions(tx: Writing, artifact_id: UUID, activation_id: UUID) -> int:
    """End the authority of every session under an activation at this moment.

    Returns how many there were. Comes last in a transaction: it waits for the grants under way, and
    later ones wait for it.
    """
    ((cut,),) = await tx.rows(_CUT.bindparams(artifact=artifact_id, activation=activation_id))
    return int(cut)


async def count_activated(tx: Reading, artifacts: Collection[UUID]) -> dict[UUID, int]:
    """Return by activation how many sessions on these artifacts have not ended, where any has."""
    counted = await tx.rows(
        sa.select(REPLAY_SESSION.c.activation_id, sa.func.count().label("sessions"))
        .where(
            REPLAY_SESSION.c.tenant_id == tx.tenant_id,
            REPLAY_SESSION.c.artifact_id.in_(artifacts),
            REPLAY_SESSION.c.ended_at.is_(None),
            REPLAY_SESSION.c.activation_id.is_not(None),
        )
        .group_by(REPLAY_SESSION.c.activation_id)
    )
    return {row.activation_id: row.sessions for row in counted}


async def list_open_under(
    tx: Reading, artifact_id: UUID, statuses: Collection[SessionStatus], *, limit: int
) -> list[ReplaySession]:
    """Return up to `limit` sessions on an artifact that have not ended and are one of these."""
    query = sa.select(REPLAY_SESSION).where(
        REPLAY_SESSION.c.tenant_id == tx.tenant_id,
        REPLAY_SESSION.c.artifact_id == artifact_id,
        REPLAY_SESSION.c.ended_at.is_(None),
        REPLAY_SESSION.c.status.in_(statuses),
    )
    return await tx.list(ReplaySession, query.order_by(REPLAY_SESSION.c.session_id).limit(limit))


async def count_open_under(tx: Reading, artifacts: Collection[UUID]) -> dict[UUID, int]:
    """Return how many sessions on each of these artifacts have not ended; none is left out."""
    counted = await tx.rows(
        sa.select(REPLAY_SESSION.c.artifact_id, sa.func.count().label("sessions"))
        .where(
            REPLAY_SESSION.c.tenant_id == tx.tenant_id,
            REPLAY_SESSION.c.artifact_id.in_(artifacts),
            REPLAY_SESSION.c.ended_at.is_(None),
        )
        .group_by(REPLAY_SESSION.c.artifact_id)
    )
    return dict.fromkeys(artifacts, 0) | {row.artifact_id: row.sessions for row in counted}


async def end_session(hot: HotPool, tenant_id: UUID, ending: SessionEnding, event: NewEvent) -> str:
    """Write down that a session ended with its approval. Returns a code: `ok`, or `redo`."""
    row = await hot.call(
        _END,
        tenant_id,
        ending.session_id,
        SYSTEM_ACTOR,
        ending.barred,
        list(ending.was),
        ending.status,
        ending.why,
        ending.decided_version,
        event.event_id,
        event.type,
        event.salt,
        event.body,
    )
    code: str = row["code"]
    return code


async def change_lease(  # noqa: PLR0913, PLR0917 -- one argument per part of one statement
    hot: HotPool,
    key_id: str,
    secret_hash: bytes,
    session_id: StreamId,
    asked: ChangeLease,
    fence: tuple[int, int],
    event: NewEvent,
) -> asyncpg.Record:
    """Grant, renew, release or steal a lease, in one round trip of the reserved connections."""
    return await hot.call(
        _LEASE,
        key_id,
        secret_hash,
        session_id,
        asked.action.value,
        asked.holder,
        *fence,
        asked.request_id,
        asked.ttl_seconds,
        event.event_id,
        event.type,
        event.salt,
        event.body,
        reserved=True,
    )


async def kill_session(  # noqa: PLR0913, PLR0917 -- one argument per part of one statement
    hot: HotPool,
    key_id: str,
    secret_hash: bytes,
    session_id: StreamId,
    reason: str,
    event: NewEvent,
) -> asyncpg.Record:
    """Kill a session, in one round trip of the reserved connections."""
    return await hot.call(
        _KILL,
        key_id,
        secret_hash,
        session_id,
        reason,
        event.event_id,
        event.type,
        event.salt,
        event.body,
        reserved=True,
    )
