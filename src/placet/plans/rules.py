"""How a plan moves, and what it counts for at a moment."""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from placet.kernel.principal import Principal
from placet.plans.model import Enforcement, GovernancePlan, OpenPlan, PlanQuery, PlanStatus

IN_FORCE: Final = frozenset({PlanStatus.APPROVED, PlanStatus.ENFORCING})
_ACTIVATION: Final = (
    "activation_id",
    "activated_artifact_id",
    "activated_hash",
    "activated_approval_id",
    "activated_at",
    "activated_until",
)


def plan_at(plan: GovernancePlan, now: datetime) -> GovernancePlan:
    """Return what the plan counts for at `now`.

    What was activated counts before all else until its time is over, and then for nothing; an
    approval that ran out leaves the plan without an artifact.
    """
    if is_activated(plan, now):
        return replace(
            plan,
            status=_activated_status(plan),
            artifact_id=plan.activated_artifact_id,
            compiled_hash=plan.activated_hash,
            approval_id=plan.activated_approval_id,
            approved_at=plan.activated_at,
            approval_expires_at=plan.activated_until,
        )
    plan = replace(plan, **dict.fromkeys(_ACTIVATION))
    expires = plan.approval_expires_at
    if plan.status not in IN_FORCE or expires is None or now < expires:
        return plan
    return replace(
        plan,
        status=PlanStatus.READY,
        artifact_id=None,
        compiled_hash=None,
        approval_id=None,
        approved_at=None,
        approval_expires_at=None,
    )


def underlying(plan: GovernancePlan, now: datetime) -> GovernancePlan:
    """Return what the plan would count for at `now` if nothing that stands by were activated."""
    return plan_at(replace(plan, activated_until=None), now)


def is_activated(plan: GovernancePlan, now: datetime) -> bool:
    """Return whether the plan names at `now` what otherwise stands by."""
    return plan.activated_until is not None and now < plan.activated_until


def _activated_status(plan: GovernancePlan) -> PlanStatus:
    """Return the status of what is activated; where refused calls are blocked it enforces."""
    is_blocking = plan.enforcement is Enforcement.BLOCK
    return PlanStatus.ENFORCING if is_blocking else PlanStatus.APPROVED


def with_posture(plan: GovernancePlan, asked: OpenPlan) -> GovernancePlan:
    """Return the plan with another posture: it enforces no more where nothing is blocked."""
    plan = replace(plan, enforcement=asked.enforcement, unplanned=asked.unplanned)
    if plan.status is PlanStatus.ENFORCING and plan.enforcement is not Enforcement.BLOCK:
        return replace(plan, status=PlanStatus.APPROVED)
    return plan


def may_enforce(plan: GovernancePlan) -> bool:
    """Return whether an attach makes this plan `ENFORCING`."""
    return plan.status is PlanStatus.APPROVED and plan.enforcement is Enforcement.BLOCK


def may_look(principal: Principal, asked: PlanQuery) -> bool:
    """Return whether the caller may look at this plan: a bound key only at its own."""
    bound = (principal.agent, principal.environment)
    return bound in {(None, None), (asked.agent, asked.environment)}
