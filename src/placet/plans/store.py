"""Questions about plans, and their guarded moves."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.kernel.principal import Environment
from placet.plans.model import ActivatePlan, ApprovePlan, GovernancePlan, PlanStatus
from placet.plans.tables import PLAN
from placet.storage.database import Reading, Writing, fields_of


async def insert_plan(tx: Writing, plan: GovernancePlan) -> bool:
    """Add a plan. Returns whether there was none for its agent and environment."""
    return (
        await tx.change(postgresql.insert(PLAN).values(fields_of(plan)).on_conflict_do_nothing())
        == 1
    )


async def find_stored_plan(
    tx: Reading, agent: str, environment: Environment
) -> GovernancePlan | None:
    """Return the row of a plan, whatever the clock says about its approval."""
    return await tx.find(
        GovernancePlan,
        sa.select(PLAN).where(
            PLAN.c.tenant_id == tx.tenant_id,
            PLAN.c.agent == agent,
            PLAN.c.environment == environment,
        ),
    )


def approve_statement(plan: GovernancePlan, asked: ApprovePlan) -> sa.Update:
    """Return the move to `APPROVED`, which holds only on the version that was read."""
    return (
        sa.update(PLAN)
        .where(
            PLAN.c.tenant_id == plan.tenant_id,
            PLAN.c.plan_id == plan.plan_id,
            PLAN.c.version == plan.version,
        )
        .values(
            status=PlanStatus.APPROVED,
            version=PLAN.c.version + 1,
            artifact_id=asked.artifact_id,
            compiled_hash=asked.compiled_hash,
            approval_id=asked.approval_id,
            approved_at=asked.approved_at,
            approval_expires_at=asked.approval_expires_at,
            updated_at=sa.func.clock_timestamp(),
        )
    )


async def advance_to_approved(tx: Writing, plan: GovernancePlan, asked: ApprovePlan) -> bool:
    """Move a plan to `APPROVED`. Returns whether the version that was read still held."""
    return await tx.change(approve_statement(plan, asked)) == 1


async def advance_posture(tx: Writing, plan: GovernancePlan) -> bool:
    """Keep a plan's new posture and status. Returns whether the version that was read held."""
    changed = await tx.change(
        sa.update(PLAN)
        .where(
            PLAN.c.tenant_id == tx.tenant_id,
            PLAN.c.plan_id == plan.plan_id,
            PLAN.c.version == plan.version,
        )
        .values(
            enforcement=plan.enforcement,
            unplanned=plan.unplanned,
            status=plan.status,
            version=PLAN.c.version + 1,
            updated_at=sa.func.clock_timestamp(),
        )
    )
    return changed == 1


async def advance_from_learning(tx: Writing, plan: GovernancePlan) -> bool:
    """Move a learning plan to `READY`. Returns whether the version that was read still held."""
    changed = await tx.change(
        sa.update(PLAN)
        .where(
            PLAN.c.tenant_id == tx.tenant_id,
            PLAN.c.plan_id == plan.plan_id,
            PLAN.c.version == plan.version,
            PLAN.c.status == PlanStatus.LEARNING,
        )
        .values(
            status=PlanStatus.READY,
            version=PLAN.c.version + 1,
            updated_at=sa.func.clock_timestamp(),
        )
    )
    return changed == 1


def withdraw_statement(tx: Writing, plan_id: UUID, approval_id: UUID) -> sa.Update:
    """Return the move to `READY`, which holds only while the plan points at this approval."""
    # Race: a newer approval that comes at the same moment is not taken out with the older one.
    return (
        sa.update(PLAN)
        .where(
            PLAN.c.tenant_id == tx.tenant_id,
            PLAN.c.plan_id == plan_id,
            PLAN.c.approval_id == approval_id,
        )
        .values(
            status=PlanStatus.READY,
            version=PLAN.c.version + 1,
            artifact_id=None,
            compiled_hash=None,
            approval_id=None,
            approved_at=None,
            approval_expires_at=None,
            updated_at=sa.func.clock_timestamp(),
        )
    )


async def advance_to_ready(tx: Writing, plan_id: UUID, approval_id: UUID) -> int | None:
    """Move a plan from an approval to `READY`. Returns its version, None if it pointed elsewhere.

    The version that was read is no condition: whoever ends an approval goes before all others.
    """
    moved = await tx.returning(
        withdraw_statement(tx, plan_id, approval_id).returning(PLAN.c.version)
    )
    return None if moved is None else int(moved.version)


def activate_statement(plan: GovernancePlan, asked: ActivatePlan) -> sa.Update:
    """Return the move that names what stands by; it holds only while nothing else is activated."""
    return (
        sa.update(PLAN)
        .where(
            PLAN.c.tenant_id == plan.tenant_id,
            PLAN.c.plan_id == plan.plan_id,
            sa.or_(
                PLAN.c.activated_until.is_(None),
                PLAN.c.activated_until <= sa.func.clock_timestamp(),
            ),
        )
        .values(
            version=PLAN.c.version + 1,
            activation_id=asked.activation_id,
            activated_artifact_id=asked.artifact_id,
            activated_hash=asked.compiled_hash,
            activated_approval_id=asked.approval_id,
            activated_at=asked.activated_at,
            activated_until=asked.activated_until,
            updated_at=sa.func.clock_timestamp(),
        )
    )


async def advance_to_activated(
    tx: Writing, plan: GovernancePlan, asked: ActivatePlan
) -> int | None:
    """Name what stands by. Returns the plan's version, None while something else is activated."""
    moved = await tx.returning(activate_statement(plan, asked).returning(PLAN.c.version))
    return None if moved is None else int(moved.version)


async def advance_to_restored(tx: Writing, plan: GovernancePlan, activation_id: UUID) -> int | None:
    """End an activation at this moment. Returns the plan's version, None if it was over before."""
    moved = await tx.returning(
        sa.update(PLAN)
        .where(
            PLAN.c.tenant_id == tx.tenant_id,
            PLAN.c.plan_id == plan.plan_id,
            PLAN.c.activation_id == activation_id,
            PLAN.c.activated_until > sa.func.clock_timestamp(),
        )
        .values(
            version=PLAN.c.version + 1,
            activated_until=sa.func.clock_timestamp(),
            updated_at=sa.func.clock_timestamp(),
        )
        .returning(PLAN.c.version)
    )
    return None if moved is None else int(moved.version)


async def advance_to_enforcing(tx: Writing, plan: GovernancePlan) -> bool:
    """Move an approved plan to `ENFORCING`. Returns whether the version read still held."""
    changed = await tx.change(
        sa.update(PLAN)
        .where(
            PLAN.c.tenant_id == tx.tenant_id,
            PLAN.c.plan_id == plan.plan_id,
            PLAN.c.version == plan.version,
        )
        .values(
            status=PlanStatus.ENFORCING,
            version=PLAN.c.version + 1,
            updated_at=sa.func.clock_timestamp(),
        )
    )
    return changed == 1
