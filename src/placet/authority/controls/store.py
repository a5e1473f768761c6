"""The call of the function that puts a control in force."""

from collections.abc import Collection
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from placet.authority.controls.model import (
    Control,
    ControlEffect,
    ControlKind,
    ControlSet,
    SetControl,
)
from placet.authority.controls.tables import CONTROL
from placet.events.model import NewEvent, StreamId, StreamKind
from placet.kernel.refusals import NotFound
from placet.storage.database import HotPool, Reading, Writing

_SET = "SELECT * FROM placet.control_set_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"


_ADD = sa.text(
    "SELECT control_epoch FROM placet.control_add_v1"
    "(:control, :kind, :target, :effect, :reason, :actor, :event, :type, :salt, :body)"
).bindparams(
    sa.bindparam("control", type_=sa.Uuid),
    sa.bindparam("actor", type_=sa.Uuid),
    sa.bindparam("event", type_=sa.Uuid),
    sa.bindparam("salt", type_=sa.LargeBinary),
    sa.bindparam("body", type_=sa.LargeBinary),
)


_RAISE = sa.text("SELECT placet.gate_raise_v1(:stream, :kind)").bindparams(
    sa.bindparam("stream", type_=sa.Uuid)
)

_EPOCH = sa.text("SELECT control_epoch FROM placet.gate_read_v1(:tenant)").bindparams(
    sa.bindparam("tenant", type_=sa.Uuid)
)

_PASS = sa.text("SELECT killed_by FROM placet.gate_pass_v1(:tenant)").bindparams(
    sa.bindparam("tenant", type_=sa.Uuid)
)


async def add_control(tx: Writing, said: ControlSet, event: NewEvent) -> int:
    """Put a control in force through the gate, and return its epoch."""
    ((epoch,),) = await tx.rows(
        _ADD.bindparams(
            control=said.control_id,
            kind=said.kind.value,
            target=said.target,
            effect=said.effect.value,
            reason=said.reason,
            actor=tx.actor_id,
            event=event.event_id,
            type=event.type,
            salt=event.salt,
            body=event.body,
        )
    )
    return int(epoch)


async def get_epoch(tx: Reading) -> int:
    """Return the tenant's control epoch, 0 where nothing was ever controlled."""
    ((epoch,),) = await tx.rows(_EPOCH.bindparams(tenant=tx.tenant_id))
    return int(epoch)


async def raise_epoch(tx: Writing, stream: StreamId, kind: StreamKind) -> int:
    """Raise the control epoch without a control, and return it; the stream is held with the gate.

    Comes last in a transaction, before the event in that stream that tells why.
    """
    ((epoch,),) = await tx.rows(_RAISE.bindparams(stream=stream, kind=kind.value))
    return int(epoch)


async def pass_gate(tx: Writing) -> bool:
    """Hold the gate to the end of the transaction. Returns whether the tenant is killed.

    Comes last in a transaction: a kill waits for whoever holds it.
    """
    ((killed_by,),) = await tx.rows(_PASS.bindparams(tenant=tx.tenant_id))
    return killed_by is not None


def is_killed(
    tenant_id: UUID,
    *,
    agent: sa.ColumnElement[str],
    tool: sa.ColumnElement[str],
    artifact: sa.ColumnElement[UUID],
) -> sa.ColumnElement[bool]:
    """Return the condition that a kill is in force which reaches this agent, tool or artifact."""
    reached = (
        CONTROL.c.kind == ControlKind.TENANT,
        sa.and_(CONTROL.c.kind == ControlKind.AGENT, CONTROL.c.target == agent),
        sa.and_(CONTROL.c.kind == ControlKind.TOOL, CONTROL.c.target == tool),
        sa.and_(
            CONTROL.c.kind == ControlKind.ARTIFACT, CONTROL.c.target == sa.cast(artifact, sa.Text)
        ),
    )
    return sa.exists().where(
        CONTROL.c.tenant_id == tenant_id,
        CONTROL.c.effect == ControlEffect.KILL,
        CONTROL.c.lifted_epoch.is_(None),
        sa.or_(*reached),
    )


async def list_artifact_kills(tx: Reading, artifacts: Collection[UUID]) -> dict[UUID, Control]:
    """Return the kills in force of these artifacts, by artifact."""
    found = await tx.list(
        Control,
        sa.select(CONTROL).where(
            CONTROL.c.tenant_id == tx.tenant_id,
            CONTROL.c.kind == ControlKind.ARTIFACT,
            CONTROL.c.target.in_([str(artifact) for artifact in artifacts]),
            CONTROL.c.effect == ControlEffect.KILL,
            CONTROL.c.lifted_epoch.is_(None),
        ),
    )
    return {UUID(control.target): control for control in found}


async def set_control(  # noqa: PLR0913, PLR0917 -- one argument per part of one statement
    hot: HotPool,
    key_id: str,
    secret_hash: bytes,
    control_id: UUID,
    asked: SetControl,
    event: NewEvent,
) -> asyncpg.Record:
    """Put a control in force through the gate, in one round trip of the reserved connections."""
    return await hot.call(
        _SET,
        key_id,
        secret_hash,
        control_id,
        asked.kind,
        asked.target,
        asked.effect.value,
        asked.reason,
        event.event_id,
        event.type,
        event.salt,
        event.body,
        reserved=True,
    )


async def get_control(tx: Reading, control_id: UUID) -> Control:
    """Return a control. Refuses `not_found`."""
    found = await tx.find(
        Control,
        sa.select(CONTROL).where(
            CONTROL.c.tenant_id == tx.tenant_id, CONTROL.c.control_id == control_id
        ),
    )
    if found is None:
        raise NotFound(detail="there is no such thing here")
    return found


async def is_known(tx: Reading, control_id: UUID) -> bool:
    """Tell whether a control was ever set, lifted or not."""
    query = sa.select(CONTROL.c.control_id)
    return bool(
        await tx.rows(
            query.where(CONTROL.c.tenant_id == tx.tenant_id, CONTROL.c.control_id == control_id)
        )
    )


async def list_controls(tx: Reading, *, before: int | None, limit: int) -> list[Control]:
    """Return controls, the latest first, those set before this epoch."""
    query = sa.select(CONTROL).where(CONTROL.c.tenant_id == tx.tenant_id)
    if before is not None:
        query = query.where(CONTROL.c.set_epoch < before)
    return await tx.list(Control, query.order_by(CONTROL.c.set_epoch.desc()).limit(limit))


async def list_killed_agents(tx: Reading, agents: Collection[str]) -> frozenset[str]:
    """Return which of these agents a kill in force reaches by name."""
    found = await tx.rows(
        sa.select(CONTROL.c.target).where(
            CONTROL.c.tenant_id == tx.tenant_id,
            CONTROL.c.kind == ControlKind.AGENT,
            CONTROL.c.target.in_(agents),
            CONTROL.c.effect == ControlEffect.KILL,
            CONTROL.c.lifted_epoch.is_(None),
        )
    )
    return frozenset(row.target for row in found)


async def is_tenant_killed(tx: Reading) -> bool:
    """Tell whether a kill of the whole tenant is in force."""
    found = await tx.rows(
        sa.select(CONTROL.c.control_id)
        .where(
            CONTROL.c.tenant_id == tx.tenant_id,
            CONTROL.c.kind == ControlKind.TENANT,
            CONTROL.c.effect == ControlEffect.KILL,
            CONTROL.c.lifted_epoch.is_(None),
        )
        .limit(1)
    )
    return bool(found)
