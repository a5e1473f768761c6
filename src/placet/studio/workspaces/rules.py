"""What a workspace may choose, and whose keys count in it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from placet.evidence.first_approver import FirstNaming, first_naming
from placet.kernel.ids import ActorId
from placet.kernel.principal import Environment
from placet.plans.model import Enforcement, Unplanned
from placet.studio.workspaces.model import (
    ApprovalPolicy,
    ApproverRemoval,
    ApproversNotDistinct,
    CreateWorkspace,
    FirstMember,
    GovernanceWorkspace,
    GroupFlaw,
    GroupMember,
    GroupReason,
    GroupsRefused,
    KeyStanding,
    PostureNotAllowed,
    RollEntry,
    WorkspaceKey,
    WorkspaceNotActive,
    WorkspaceStatus,
)

_OWN = {
    Environment.DEVELOPMENT: (Enforcement.REPORT, Unplanned.CAPTURE),
    Environment.STAGING: (Enforcement.REPORT, Unplanned.DENY),
    Environment.PRODUCTION: (Enforcement.BLOCK, Unplanned.DENY),
}

_COUNTING = frozenset({KeyStanding.COUNTS, KeyStanding.NOT_YET})
"""A key that is not let down but counts now or later."""


def check_active(workspace: GovernanceWorkspace) -> None:
    """Refuse `workspace_not_active` for what is archived."""
    if workspace.status is not WorkspaceStatus.ACTIVE:
        raise WorkspaceNotActive(detail=f"the workspace is `{workspace.status}`")


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


def naming_of(workspace: GovernanceWorkspace, groups: Iterable[str]) -> FirstNaming:
    """Return what a first approver in these groups of a workspace that is made has signed over."""
    return first_naming(
        workspace.tenant_id,
        workspace.agent,
        workspace.environment,
        groups,
        workspace.succeeds,
    )


def words_of(naming: FirstNaming) -> str:
    """Return what a first approver's proof must be over, as the refusal says it."""
    groups = ", ".join(f"`{name}`" for name in naming.groups) or "none"
    before = "no workspace before" if naming.succeeds is None else f"after {naming.succeeds}"
    return f"the agent `{naming.agent}` in {naming.environment}, groups {groups}, {before}"


def check_groups(asked: CreateWorkspace) -> None:
    """Refuse `groups_refused` unless each group is named once and has a first approver."""
    reasons = _named_twice(asked.approval_policy)
    known = names_of(asked.approval_policy)
    filled = {name for approver in asked.approvers for name in approver.groups}
    for name in sorted(filled - known):
        detail = f"the approval policy has no group `{name}`"
        reasons.append(GroupReason(code=GroupFlaw.GROUP_UNKNOWN, group=name, detail=detail))
    reasons += [_nobody_in(name) for name in sorted(known - filled)]
    if reasons:
        raise refused(reasons)


def check_change(
    before: ApprovalPolicy,
    after: ApprovalPolicy,
    first: Sequence[FirstMember],
    roll: Sequence[RollEntry],
) -> list[GroupReason]:
    """Return what is wrong with the groups of a policy that is to follow another.

    A group that is added needs somebody whose key counts; one that stays keeps those whom it has.
    `roll` is everybody who would be in the groups then.
    """
    reasons = _named_twice(after)
    added = names_of(after) - names_of(before)
    filled = {(entry.group, entry.key_id) for entry in roll if entry.counts_from is None}
    for entry in first:
        if entry.group not in added:
            detail = f"the new policy does not add the group `{entry.group}`"
            code = GroupFlaw.NOT_A_NEW_GROUP
            reasons.append(GroupReason(code=code, group=entry.group, detail=detail))
        elif (entry.group, entry.key_id) not in filled:
            detail = f"the key {entry.key_id} does not count in this workspace"
            code = GroupFlaw.KEY_NOT_COUNTING
            reasons.append(GroupReason(code=code, group=entry.group, detail=detail))
    return reasons + [_nobody_in(name) for name in sorted(added - {name for name, _ in filled})]


def roll_of(
    policy: ApprovalPolicy,
    first: Sequence[FirstMember],
    members: Sequence[GroupMember],
    keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]],
    now: datetime,
) -> list[RollEntry]:
    """Return everybody who would be in a group of the policy, and those whose key counts later.

    Only a key that counts at `now` is a first member.
    """
    later: dict[tuple[str, str], datetime] = {}
    for member in members:
        if (held := keys.get(member.key_id)) and held[1] in _COUNTING:
            counts_from = max(member.counts_from, held[0].counts_from)
            later[member.group_name, member.key_id] = counts_from
    for entry in first:
        if (held := keys.get(entry.key_id)) and held[1] is KeyStanding.COUNTS:
            later.setdefault((entry.group, entry.key_id), now)
    return [
        RollEntry(
            group=group,
            actor_id=keys[key_id][0].actor_id,
            key_id=key_id,
            counts_from=counts_from if counts_from > now else None,
        )
        for (group, key_id), counts_from in sorted(later.items())
        if group in names_of(policy)
    ]


def names_of(policy: ApprovalPolicy) -> frozenset[str]:
    """Return the names of a policy's groups."""
    return frozenset(group.name for group in policy.groups)


def refused(reasons: list[GroupReason]) -> GroupsRefused:
    """Return the refusal that names all of these reasons."""
    return GroupsRefused(detail="; ".join(each.detail for each in reasons), reasons=reasons)


def _named_twice(policy: ApprovalPolicy) -> list[GroupReason]:
    names = [group.name for group in policy.groups]
    return [
        GroupReason(
            code=GroupFlaw.NAMED_TWICE, group=name, detail=f"the group `{name}` is named twice"
        )
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


def _nobody_in(name: str) -> GroupReason:
    detail = f"nobody would be in the group `{name}`, and so nobody could be let in"
    return GroupReason(code=GroupFlaw.NOBODY_IN_IT, group=name, detail=detail)


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


def approvers_of(keys: Mapping[str, tuple[WorkspaceKey, KeyStanding]]) -> frozenset[ActorId]:
    """Return who approves in a workspace: everybody who has a key that counts, or will.

    That is half of it everywhere: the other half is the role.
    """
    live = {KeyStanding.COUNTS, KeyStanding.NOT_YET}
    return frozenset(key.actor_id for key, standing in keys.values() if standing in live)


def confirmers_of(
    actor_id: ActorId, keys: Sequence[WorkspaceKey], removals: Sequence[ApproverRemoval]
) -> list[ActorId]:
    """Return who made somebody an approver: who confirmed the first key since the last removal.

    Nobody did so for a first approver. Refuses `ValueError` for somebody without such a key.
    """
    gone = [removal.removed_at for removal in removals if removal.actor_id == actor_id]
    since = [
        key
        for key in keys
        if key.actor_id == actor_id and all(key.since > removed_at for removed_at in gone)
    ]
    return min(since, key=lambda key: (key.since, key.key_id)).confirmed_by


def groups_of(members: Sequence[GroupMember], key_id: str, now: datetime) -> frozenset[str]:
    """Return the groups for which votes by a key count at `now`, provided that the key does."""
    return frozenset(
        member.group_name
        for member in members
        if member.key_id == key_id and member.counts_from <= now
    )
