"""The function that controls one session, and questions about what controls left running."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import asyncpg
import msgspec
import sqlalchemy as sa

from placet.authority.controls.model import Control, ControlKind
from placet.events.model import NewEvent
from placet.kernel.principal import Principal, Scope
from placet.kernel.value import Value
from placet.replay.calls.model import CallStatus
from placet.replay.calls.tables import PENDING_CALL
from placet.replay.controls.model import CONTROLS_MAX, ControlAction, UnconfirmedCall
from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import HotPool, Reading
from placet.tenancy.model import ParsedKey

SESSIONS_MAX: Final = 200
"""Sessions that one page looks through."""

LAST: Final = UUID(int=(1 << 128) - 1)
_CONTROL: Final = (
    "SELECT * FROM placet.session_control_v1"
    "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
)
_OUT: Final = (CallStatus.GRANTED, CallStatus.UNKNOWN)


class Place(Value, frozen=True):
    """How far a list has come: everything up to this call of this session."""

    session_id: UUID
    call_id: UUID


class Unconfirmed(Value, frozen=True):
    """A page of calls, and where the next begins, unless it is the last."""

    calls: list[UnconfirmedCall]
    upto: Place | None


class Once(Value, frozen=True):
    """What tells a request from every other, so that its answer is kept; nothing, if it is not."""

    route: str | None = None
    key: str | None = None
    fingerprint: bytes | None = None

    def parts(self) -> tuple[str | None, str | None, bytes | None]:
        """Return the three as the function takes them."""
        return self.route, self.key, self.fingerprint


class ControlWrite(Value, frozen=True):
    """A control on one session: what is done, by whoever has one of these scopes."""

    action: ControlAction
    scopes: tuple[Scope, ...]
    event: NewEvent
    labels: Mapping[str, str] | None = None
    names: Sequence[str] | None = None
    reason: str = ""
    once: Once = Once()


async def control_session(
    hot: HotPool, key: ParsedKey, session_id: UUID, write: ControlWrite
) -> asyncpg.Record:
    """Put a control on one session, in one round trip.

    What takes tools away goes by the reserved connections, as a kill does.
    """
    return await hot.call(
        _CONTROL,
        key.key_id,
        key.secret_hash,
        session_id,
        [scope.value for scope in write.scopes],
        write.action.value,
        _json(write.labels),
        _json(write.names),
        write.reason,
        CONTROLS_MAX,
        write.event.event_id,
        write.event.type,
        write.event.salt,
        write.event.body,
        *write.once.parts(),
        reserved=write.action is ControlAction.FILTER,
    )


async def list_unconfirmed(
    tx: Reading, principal: Principal, control: Control, *, after: Place | None, limit: int
) -> Unconfirmed:
    """Return calls in a control's scope that were granted before it and are not settled.

    A key that is bound to an agent in an environment sees only its own. By session and call. A
    page may have few calls or none and still not be the last.
    """
    reached = await _list_sessions(tx, principal, control, after)
    if not reached:
        return Unconfirmed(calls=[], upto=None)
    looked = reached[:SESSIONS_MAX]
    found = await _list_calls(tx, control, looked, after, limit + 1)
    if len(found) > limit:
        last = found[limit - 1]
        return Unconfirmed(
            calls=found[:limit], upto=Place(session_id=last.session_id, call_id=last.call_id)
        )
    upto = Place(session_id=looked[-1], call_id=LAST) if len(reached) > SESSIONS_MAX else None
    return Unconfirmed(calls=found, upto=upto)


async def _list_sessions(
    tx: Reading, principal: Principal, control: Control, after: Place | None
) -> list[UUID]:
    c = REPLAY_SESSION.c
    query = sa.select(c.session_id).where(c.tenant_id == tx.tenant_id)
    if principal.agent is not None:
        query = query.where(c.agent == principal.agent)
    if principal.environment is not None:
        query = query.where(c.environment == principal.environment)
    if after is not None:
        is_through = after.call_id == LAST
        query = query.where(
            c.session_id > after.session_id if is_through else c.session_id >= after.session_id
        )
    if control.kind is ControlKind.AGENT:
        query = query.where(c.agent == control.target)
    elif control.kind is ControlKind.ARTIFACT:
        query = query.where(c.artifact_id == UUID(control.target))
    rows = await tx.rows(query.order_by(c.session_id).limit(SESSIONS_MAX + 1))
    return [row.session_id for row in rows]


async def _list_calls(
    tx: Reading, control: Control, sessions: list[UUID], after: Place | None, limit: int
) -> list[UnconfirmedCall]:
    c = PENDING_CALL.c
    query = (
        sa.select(
            c.session_id,
            c.call_id,
            REPLAY_SESSION.c.agent,
            c.tool_name.label("tool"),
            c.status,
            c.execution_state,
            c.granted_at,
            c.grant_expires_at,
            c.started_at,
        )
        .join(
            REPLAY_SESSION,
            sa.and_(
                REPLAY_SESSION.c.tenant_id == c.tenant_id,
                REPLAY_SESSION.c.session_id == c.session_id,
            ),
        )
        .where(
            c.tenant_id == tx.tenant_id,
            c.session_id.in_(sessions),
            c.status.in_(_OUT),
            c.grant_control_epoch < control.set_epoch,
        )
    )
    if control.kind is ControlKind.TOOL:
        query = query.where(c.tool_name == control.target)
    if after is not None:
        place = sa.tuple_(c.session_id, c.call_id)
        query = query.where(place > sa.tuple_(after.session_id, after.call_id))
    return await tx.list(UnconfirmedCall, query.order_by(c.session_id, c.call_id).limit(limit))


def _json(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
