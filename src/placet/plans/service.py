"""Opening, looking up and moving plans.

A move returns what it says instead of appending it: the caller owns the stream that it belongs to.
"""

from typing import Final
from uuid import UUID

from placet.authority import store as authority
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment, Principal, Scope
from placet.kernel.refusals import ScopeMissing
from placet.plans import rules, store
from placet.plans.model import (
    ActivatePlan,
    ApprovePlan,
    EndingKind,
    GovernancePlan,
    KeyBoundElsewhere,
    OpenPlan,
    PlanActivated,
    PlanAnswer,
    PlanApproved,
    PlanEnforcing,
    PlanLearned,
    PlanMovedOn,
    PlanNotFound,
    PlanOpened,
    PlanPostureChanged,
    PlanQuery,
    PlanRestored,
    PlanStatus,
    PlanWithdrawn,
)
from placet.storage.database import Reading, Writing

READERS: Final = frozenset(
    {Scope.RUNTIME, Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT}
)
"""Any of these lets somebody look at a plan."""


async def open_plan(
    tx: Writing, asked: OpenPlan, ids: Ids
) -> list[PlanOpened | PlanPostureChanged]:
    """Begin a plan in `LEARNING`; one that the agent has there already takes the posture alone.

    Returns what was done, which is nothing where the plan has this posture. Refuses
    `plan_moved_on`.
    """
    plan = GovernancePlan(
        tenant_id=tx.tenant_id,
        plan_id=ids.new(),
        agent=asked.agent,
        environment=asked.environment,
        status=PlanStatus.LEARNING,
        version=1,
        artifact_id=None,
        compiled_hash=None,
        approval_id=None,
        enforcement=asked.enforcement,
        unplanned=asked.unplanned,
        approved_at=None,
        approval_expires_at=None,
        updated_at=await tx.now(),
    )
    if not await store.insert_plan(tx, plan):
        return await _take_posture(tx, asked)
    return [
        PlanOpened(
            plan_id=plan.plan_id,
            agent=plan.agent,
            environment=plan.environment,
            enforcement=plan.enforcement,
            unplanned=plan.unplanned,
        )
    ]


async def _take_posture(tx: Writing, asked: OpenPlan) -> list[PlanOpened | PlanPostureChanged]:
    plan = await store.find_stored_plan(tx, asked.agent, asked.environment)
    if plan is None:
        raise _moved_on()
    if (plan.enforcement, plan.unplanned) == (asked.enforcement, asked.unplanned):
        return []
    if not await store.advance_posture(tx, rules.with_posture(plan, asked)):
        raise _moved_on()
    return [
        PlanPostureChanged(
            plan_id=plan.plan_id,
            version=plan.version + 1,
            enforcement=asked.enforcement,
            unplanned=asked.unplanned,
        )
    ]


def _moved_on() -> PlanMovedOn:
    return PlanMovedOn(detail="the plan was changed at the same moment; nothing was done")


async def find_plan(tx: Reading, agent: str, environment: Environment) -> GovernancePlan | None:
    """Return the plan as it counts now: an approval that ran out leaves it `READY`."""
    plan = await store.find_stored_plan(tx, agent, environment)
    return None if plan is None else rules.plan_at(plan, await tx.now())


async def find_underlying(
    tx: Reading, agent: str, environment: Environment
) -> GovernancePlan | None:
    """Return the plan as it counts now beneath whatever is activated for a while."""
    plan = await store.find_stored_plan(tx, agent, environment)
    return None if plan is None else rules.underlying(plan, await tx.now())


def check_look(principal: Principal, asked: PlanQuery, *, is_there: bool) -> None:
    """Refuse who may not look at a plan, and whoever asks for one that is not there.

    Refuses `scope_missing`, `key_bound_elsewhere` and `plan_not_found`, in this order.
    """
    if not principal.scopes & READERS:
        names = " or ".join(f"`{scope}`" for scope in sorted(READERS))
        raise ScopeMissing(
            detail=f"the key lacks the scope {names}", scope="|".join(sorted(READERS))
        )
    if not rules.may_look(principal, asked):
        raise KeyBoundElsewhere(detail="this key is bound to another agent or environment")
    if not is_there:
        raise PlanNotFound(detail="nobody has opened governance for this agent there")


async def look_up_plan(tx: Reading, asked: PlanQuery, principal: Principal) -> PlanAnswer:
    """Return what an agent is told. Refuses as `check_look` does."""
    plan = await find_plan(tx, asked.agent, asked.environment)
    check_look(principal, asked, is_there=plan is not None)
    assert plan is not None  # noqa: S101 -- narrows the type; refused above
    return PlanAnswer(
        plan_id=plan.plan_id,
        agent=plan.agent,
        environment=plan.environment,
        status=plan.status,
        version=plan.version,
        artifact_id=plan.artifact_id,
        compiled_hash=plan.compiled_hash,
        approval_id=plan.approval_id,
        enforcement=plan.enforcement,
        unplanned=plan.unplanned,
        approved_at=plan.approved_at,
        approval_expires_at=plan.approval_expires_at,
        updated_at=plan.updated_at,
        keys=await authority.list_server_keys(tx),
        activation_id=plan.activation_id,
    )


async def ready_plan(
    tx: Writing, plan: GovernancePlan, *, calls: int, confidence: str
) -> PlanLearned | None:
    """Move a plan from `LEARNING` to `READY`. Returns None when it has moved since it was read."""
    if not await store.advance_from_learning(tx, plan):
        return None
    return PlanLearned(
        plan_id=plan.plan_id, version=plan.version + 1, calls=calls, confidence=confidence
    )


async def approve_plan(tx: Writing, asked: ApprovePlan) -> PlanApproved:
    """Put an artifact in force. Refuses `plan_not_found` and `plan_moved_on`."""
    plan = await store.find_stored_plan(tx, asked.agent, asked.environment)
    if plan is None:
        raise PlanNotFound(detail="nobody has opened governance for this agent there")
    if not await store.advance_to_approved(tx, plan, asked):
        raise PlanMovedOn(detail="the plan was changed at the same moment; nothing was approved")
    return PlanApproved(
        plan_id=plan.plan_id,
        version=plan.version + 1,
        artifact_id=asked.artifact_id,
        compiled_hash=asked.compiled_hash,
        approval_id=asked.approval_id,
    )


async def withdraw_plan(
    tx: Writing, agent: str, environment: Environment, approval_id: UUID, why: EndingKind
) -> PlanWithdrawn | None:
    """Take an approval that ended out of the plan, which is then `READY`.

    Returns None when the plan points at another approval, or at none.
    """
    plan = await store.find_stored_plan(tx, agent, environment)
    if plan is None:
        return None
    version = await store.advance_to_ready(tx, plan.plan_id, approval_id)
    if version is None:
        return None
    return PlanWithdrawn(plan_id=plan.plan_id, version=version, approval_id=approval_id, why=why)


async def activate_plan(tx: Writing, asked: ActivatePlan) -> PlanActivated:
    """Let a plan name what stands by. Refuses `plan_not_found` and `plan_moved_on`.

    What it named before stays underneath: approvals come and end there as ever.
    """
    plan = await store.find_stored_plan(tx, asked.agent, asked.environment)
    if plan is None:
        raise PlanNotFound(detail="nobody has opened governance for this agent there")
    version = await store.advance_to_activated(tx, plan, asked)
    if version is None:
        raise PlanMovedOn(detail="something else was activated at the same moment")
    return PlanActivated(
        plan_id=plan.plan_id,
        version=version,
        activation_id=asked.activation_id,
        artifact_id=asked.artifact_id,
        compiled_hash=asked.compiled_hash,
        approval_id=asked.approval_id,
        until=asked.activated_until,
    )


async def restore_plan(
    tx: Writing, agent: str, environment: Environment, activation_id: UUID
) -> PlanRestored | None:
    """End an activation before its time. Returns None where it is over already."""
    plan = await store.find_stored_plan(tx, agent, environment)
    if plan is None:
        return None
    version = await store.advance_to_restored(tx, plan, activation_id)
    if version is None:
        return None
    return PlanRestored(plan_id=plan.plan_id, version=version, activation_id=activation_id)


async def find_activation(
    tx: Reading, agent: str, environment: Environment, approval_id: UUID
) -> UUID | None:
    """Return the activation of this approval that is in effect now."""
    plan = await store.find_stored_plan(tx, agent, environment)
    if plan is None or plan.activated_approval_id != approval_id:
        return None
    return plan.activation_id if rules.is_activated(plan, await tx.now()) else None


async def mark_enforcing(tx: Writing, plan: GovernancePlan) -> PlanEnforcing | None:
    """Note the first attach where refused calls are blocked. Returns None when nothing moved."""
    if not rules.may_enforce(plan) or not await store.advance_to_enforcing(tx, plan):
        return None
    return PlanEnforcing(
        plan_id=plan.plan_id,
        version=plan.version + 1,
        artifact_id=plan.artifact_id,
        compiled_hash=plan.compiled_hash,
    )
