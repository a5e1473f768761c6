"""What a workspace may choose, and whose keys count in it."""

from collections.abc import Collection, Sequence
from datetime import datetime

from placet.kernel.ids import ActorId
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement, Unplanned
from placet.studio.workspaces.model import (
    ApproverRemoval,
    ApproversNotDistinct,
    CreateWorkspace,
    KeyStanding,
    PostureNotAllowed,
    WorkspaceKey,
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


def standing_of(
    key: WorkspaceKey,
    removals: Sequence[ApproverRemoval],
    revoked: Collection[str],
    disabled: Collection[ActorId],
    now: datetime,
) -> KeyStanding:
    """Return whether a vote with this key counts at `now`, or the first reason why it does not.

    A removal ends the keys that were let in before it; a key that was let in later counts.
    """
    if key.key_id in revoked:
        return KeyStanding.REVOKED
    if key.actor_id in disabled:
        return KeyStanding.DISABLED
    if any(gone.actor_id == key.actor_id and gone.removed_at >= key.since for gone in removals):
        return KeyStanding.REMOVED
    return KeyStanding.COUNTS if key.counts_from <= now else KeyStanding.NOT_YET
