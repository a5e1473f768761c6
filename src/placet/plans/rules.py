"""How a plan moves, and what it counts for at a moment."""

from datetime import datetime
from typing import Final

from msgspec.structs import replace

from placet.kernel.principal import Principal
from placet.plans.model import Enforcement, GovernancePlan, PlanQuery, PlanStatus

IN_FORCE: Final = frozenset({PlanStatus.APPROVED, PlanStatus.ENFORCING})


def plan_at(plan: GovernancePlan, now: datetime) -> GovernancePlan:
    """Return what the plan counts for at `now`: without its artifact once the approval ran out."""
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


def may_enforce(plan: GovernancePlan) -> bool:
    """Return whether an attach makes this plan `ENFORCING`."""
    return plan.status is PlanStatus.APPROVED and plan.enforcement is Enforcement.BLOCK


def may_look(principal: Principal, asked: PlanQuery) -> bool:
    """Return whether the caller may look at this plan: a bound key only at its own."""
    bound = (principal.agent, principal.environment)
    return bound in {(None, None), (asked.agent, asked.environment)}
