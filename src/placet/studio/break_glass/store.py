"""Questions about activations, and their guarded moves."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.storage.database import Reading, Writing, fields_of
from placet.studio.break_glass.model import Activation, ActivationNotFound, ActivationStatus
from placet.studio.break_glass.tables import ACTIVATION


def insert_statement(activation: Activation) -> sa.Insert:
    """Return the insert that gives way to an activation with the same id."""
    return postgresql.insert(ACTIVATION).values(fields_of(activation)).on_conflict_do_nothing()


async def insert_activation(tx: Writing, activation: Activation) -> bool:
    """Open an activation. Returns False if its id was used before."""
    return await tx.change(insert_statement(activation)) == 1


async def get_activation(tx: Reading, activation_id: UUID) -> Activation:
    """Return an activation. Refuses `activation_not_found`."""
    return _found(await tx.find(Activation, _activation(tx, activation_id)))


def lock_statement(tx: Reading, activation_id: UUID) -> sa.Select[tuple[object, ...]]:
    """Return the question for an activation that also holds it until the transaction ends."""
    # Race: of two confirmations, or of one and an end, the later waits here and sees the earlier.
    return _activation(tx, activation_id).with_for_update(key_share=True)


async def lock_activation(tx: Writing, activation_id: UUID) -> Activation:
    """Return an activation and hold it. Refuses `activation_not_found`."""
    return _found(await tx.find(Activation, lock_statement(tx, activation_id)))


async def list_activations(
    tx: Reading, workspace_id: UUID, *, before: UUID | None, limit: int
) -> list[Activation]:
    """Return up to `limit` activations of a workspace, the latest ids first, below `before`."""
    query = sa.select(ACTIVATION).where(
        ACTIVATION.c.tenant_id == tx.tenant_id, ACTIVATION.c.workspace_id == workspace_id
    )
    if before is not None:
        query = query.where(ACTIVATION.c.activation_id < before)
    return await tx.list(Activation, query.order_by(ACTIVATION.c.activation_id.desc()).limit(limit))


async def list_confirmed(tx: Reading, workspace_id: UUID, since: datetime) -> list[Activation]:
    """Return the activations of a workspace that were confirmed after a moment."""
    return await tx.list(
        Activation,
        sa.select(ACTIVATION)
        .where(
            ACTIVATION.c.tenant_id == tx.tenant_id,
            ACTIVATION.c.workspace_id == workspace_id,
            ACTIVATION.c.confirmed_at > since,
        )
        .order_by(ACTIVATION.c.confirmed_at),
    )


async def advance_activation(tx: Writing, activation: Activation, was: ActivationStatus) -> bool:
    """Bring an activation to the status that it has here, if it is still what it was."""
    kept = fields_of(activation)
    moved = (
        sa.update(ACTIVATION)
        .where(
            ACTIVATION.c.tenant_id == tx.tenant_id,
            ACTIVATION.c.activation_id == activation.activation_id,
            ACTIVATION.c.status == was,
        )
        .values({name: kept[name] for name in ACTIVATION.info["updates"]})
    )
    return await tx.change(moved) == 1


def _activation(tx: Reading, activation_id: UUID) -> sa.Select[tuple[object, ...]]:
    return sa.select(ACTIVATION).where(
        ACTIVATION.c.tenant_id == tx.tenant_id, ACTIVATION.c.activation_id == activation_id
    )


def _found(activation: Activation | None) -> Activation:
    if activation is None:
        raise ActivationNotFound(detail="there is no activation with this id")
    return activation
