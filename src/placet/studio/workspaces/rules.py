"""What a workspace may choose."""

from placet.kernel.principal import Environment
from placet.plans.model import Enforcement, Unplanned
from placet.studio.workspaces.model import (
    ApproversNotDistinct,
    CreateWorkspace,
    PostureNotAllowed,
)

_OWN = {
    Environment.DEVELOPMENT: (Enforcement.REPORT, Unplanned.CAPTURE),
    Environment.STAGING: (Enforcement.REPORT, Unplanned.DENY),
    Environment.PRODUCTION: (Enforcement.BLOCK, Unplanned.DENY),
}


def decide_posture(asked: CreateWorkspace) -> tuple[Enforcement, Unplanned]:
    """Return what becomes of refused and of unplanned calls.

    Refuses `posture_not_allowed` when the environment settles it otherwise.
    """
    own = _OWN[asked.environment]
    chosen = (asked.enforcement or own[0], asked.unplanned or own[1])
    if chosen != own and asked.environment is not Environment.STAGING:
        raise PostureNotAllowed(
            detail=f"in {asked.environment}, refused calls are `{own[0]}` and unplanned calls"
            f" are `{own[1]}`"
        )
    return chosen


def check_approvers(asked: CreateWorkspace) -> None:
    """Refuse `approvers_not_distinct` when two first approvers are one person or one key."""
    people = {approver.actor_id for approver in asked.approvers}
    keys = {approver.public_key for approver in asked.approvers}
    if min(len(people), len(keys)) < len(asked.approvers):
        raise ApproversNotDistinct(detail="the first approvers are two people with a key each")
