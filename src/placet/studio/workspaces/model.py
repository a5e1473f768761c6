"""A workspace, its approval policy, and what is said when it is made."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NewType
from uuid import UUID

import msgspec

from placet.authority.model import EnrolKey
from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Conflict, Invalid, NotFound
from placet.kernel.value import Input, Value
from placet.plans.model import Enforcement, Unplanned
from placet.tenancy.model import AgentName

WorkspaceId = NewType("WorkspaceId", UUID)

FIRST_APPROVERS_MAX: Final = 2
ENROLMENT_DELAY_HOURS: Final = 24
ENROLMENT_DELAY_HOURS_MAX: Final = 720
QUORUM_MAX: Final = 20
GROUPS_MAX: Final = 16
REASON_MAX: Final = 2_000

GroupName = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[a-z0-9][a-z0-9-]*(?!\n)$")]
"""The name of a group of approvers: small letters, digits and dashes."""


class WorkspaceStatus(StrEnum):
    """Whether a workspace can still be worked in."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class RuntimeAuthorityKind(StrEnum):
    """What the runtime goes by: nothing, what was learned, or what was signed."""

    NONE = "none"
    PLAN = "plan"
    ARTIFACT = "artifact"


class ApprovalGroup(Input, frozen=True):
    """A named list of approvers, and how many distinct people of it an approval takes."""

    name: GroupName
    quorum: Annotated[int, msgspec.Meta(ge=1, le=QUORUM_MAX)] = 1


class ApprovalPolicy(Input, frozen=True):
    """What an approval takes.

    `quorum` counts distinct people, and of each of `groups` as many as it says must be among them:
    all of it must hold. With `four_eyes`, those who wrote the draft never suffice by themselves.
    Who opened it counts as its author, and so does who wrote what it imports, and who asks for
    another policy.
    `validity_days` is how long an approval lasts, null for ever. `enrolment_delay_hours` is how
    long a later enrolment waits before it counts, except in development, where it counts at once.
    """

    quorum: Annotated[int, msgspec.Meta(ge=1, le=QUORUM_MAX)] = 1
    groups: Annotated[tuple[ApprovalGroup, ...], msgspec.Meta(max_length=GROUPS_MAX)] = ()
    four_eyes: bool = False
    validity_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] | None = None
    enrolment_delay_hours: Annotated[int, msgspec.Meta(ge=0, le=ENROLMENT_DELAY_HOURS_MAX)] = (
        ENROLMENT_DELAY_HOURS
    )


class GovernanceWorkspace(Value, frozen=True):
    """The governance of one agent in one environment, and what it points at now.

    `succeeds` is the archived workspace of the same agent and environment that was made last before
    it, null for none.
    """

    tenant_id: TenantId
    workspace_id: WorkspaceId
    agent: str
    environment: Environment
    status: WorkspaceStatus
    runtime_authority_kind: RuntimeAuthorityKind
    active_draft_id: UUID | None
    active_draft_snapshot_id: UUID | None
    active_approval_id: UUID | None
    enforcement: Enforcement
    unplanned: Unplanned
    approval_policy: ApprovalPolicy
    created_by: ActorId
    created_at: datetime
    succeeds: UUID | None = None


class WorkspaceApprover(Value, frozen=True):
    """One whose vote counts in a workspace, and who confirmed that; nobody for the first ones."""

    tenant_id: TenantId
    workspace_id: WorkspaceId
    actor_id: ActorId
    confirmed_by: list[ActorId]
    since: datetime


class WorkspaceKey(Value, frozen=True):
    """A key with which an approver votes in one workspace, and who confirmed that there.

    A key is enrolled for a person once; in each workspace it counts only from what the approvers
    of that workspace confirmed, so that no group can make voters for another. `proof` is the proof
    of possession with which it came here, as the envelope's JSON.
    """

    tenant_id: TenantId
    workspace_id: WorkspaceId
    actor_id: ActorId
    key_id: HexDigest
    confirmed_by: list[ActorId]
    since: datetime
    counts_from: datetime
    proof: bytes


class GroupMember(Value, frozen=True):
    """That votes by a key count for a group of a workspace, and who confirmed that.

    A membership is of a key and not only of its holder: a new key of a member counts for the group
    only where a member confirmed that too. It ends with the key.
    """

    tenant_id: TenantId
    workspace_id: WorkspaceId
    group_name: GroupName
    key_id: HexDigest
    actor_id: ActorId
    confirmed_by: list[ActorId]
    since: datetime
    counts_from: datetime


class ApproverRemoval(Value, frozen=True):
    """The end of every key that an approver had in a workspace so far."""

    tenant_id: TenantId
    removal_id: UUID
    workspace_id: WorkspaceId
    actor_id: ActorId
    reason: str
    removed_by: ActorId
    removed_at: datetime


class KeyStanding(StrEnum):
    """Whether a vote with a key counts in a workspace, or why it does not."""

    COUNTS = "counts"
    NOT_YET = "not_yet"
    REVOKED = "revoked"
    REMOVED = "removed"
    DISABLED = "disabled"


class ApproverKey(Value, frozen=True):
    """A key of an approver in one workspace, whether it counts now, and for which groups."""

    key_id: HexDigest
    standing: KeyStanding
    confirmed_by: list[ActorId]
    since: datetime
    counts_from: datetime
    groups: list[GroupMember]


class ApproverShown(Value, frozen=True):
    """One who is or was an approver of a workspace: their keys and removals, the oldest first."""

    actor_id: ActorId
    confirmed_by: list[ActorId]
    since: datetime
    keys: list[ApproverKey]
    removals: list[ApproverRemoval]


class NameApprover(EnrolKey, frozen=True):
    """Name a first approver by a key, and the groups of the policy that they are in.

    The proof is over the very workspace (`evidence.first_approver`): tenant, agent, environment,
    these groups, and the archived workspace that goes before.
    """

    groups: Annotated[tuple[GroupName, ...], msgspec.Meta(max_length=GROUPS_MAX)] = ()


class FirstMember(Input, frozen=True):
    """Put a key that counts in the workspace already into a group that a new policy adds."""

    group: GroupName
    key_id: HexDigest


class RollEntry(Value, frozen=True):
    """One key of one person in one group, and from when on its votes count there.

    `counts_from` is null where they count as soon as the group is in the policy.
    """

    group: GroupName
    actor_id: ActorId
    key_id: HexDigest
    counts_from: datetime | None


class PolicyChange(Value, frozen=True):
    """The approval policy that an approval brings with it, and who is in the groups that it adds.

    `roll` is everybody whose key counted for a group of the new policy when it was asked for, and
    everybody whose key was let in to it and counts later.
    """

    approval_policy: ApprovalPolicy
    first_members: list[FirstMember]
    roll: list[RollEntry]


class ArchiveWorkspace(Input, frozen=True):
    """Close a workspace for good, and say why."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]


class CreateWorkspace(Input, frozen=True):
    """Open a workspace. What is left out of the posture is the environment's own."""

    agent: AgentName
    environment: Environment
    enforcement: Enforcement | None = None
    unplanned: Unplanned | None = None
    approval_policy: ApprovalPolicy = ApprovalPolicy()
    approvers: Annotated[
        tuple[NameApprover, ...], msgspec.Meta(max_length=FIRST_APPROVERS_MAX)
    ] = ()


@dataclasses.dataclass(kw_only=True, eq=False)
class WorkspaceExists(Conflict):
    """This agent has a workspace in this environment already."""

    hint = "work in the one that exists"
    workspace_id: UUID | None


class WorkspaceNotFound(NotFound):
    """There is no such workspace here."""


class PostureNotAllowed(Invalid):
    """The environment does not leave this open."""

    hint = "only a staging workspace chooses what becomes of refused and of unplanned calls"


class ApproversNotDistinct(Invalid):
    """The same person or the same key is named twice."""

    hint = "name each person and each key once"


class GroupFlaw(StrEnum):
    """Why groups or who is in them cannot be so."""

    NAMED_TWICE = "named_twice"
    GROUP_UNKNOWN = "group_unknown"
    NOT_A_NEW_GROUP = "not_a_new_group"
    KEY_NOT_COUNTING = "key_not_counting"
    NOBODY_IN_IT = "nobody_in_it"


class GroupReason(Value, frozen=True):
    """One thing that is wrong with a group."""

    code: GroupFlaw
    group: str
    detail: str


@dataclasses.dataclass(kw_only=True, eq=False)
class GroupsRefused(Invalid):
    """The groups of the approval policy cannot be so."""

    hint = "a group needs a first member; later ones are confirmed by those who are in it"
    reasons: list[GroupReason]


class WorkspaceNotActive(Conflict):
    """The workspace is archived: nothing is written or approved in it any more."""

    hint = "its records stay readable, and what it has in force can still be revoked"


class FirstApprover(Value, frozen=True):
    """One who counts from the creation of the workspace on, confirmed by nobody.

    `proof` is base64: the proof of possession over this workspace.
    """

    actor_id: ActorId
    key_id: HexDigest
    groups: list[GroupName]
    proof: bytes


class WorkspaceCreated(Value, frozen=True):
    """Event: an agent has a workspace in an environment."""

    workspace_id: WorkspaceId
    agent: str
    environment: Environment
    succeeds: UUID | None
    enforcement: Enforcement
    unplanned: Unplanned
    approval_policy: ApprovalPolicy
    first_approvers: list[FirstApprover]


class GroupJoined(Value, frozen=True):
    """Event: votes by a key count for a group of a workspace from `counts_from` on."""

    workspace_id: WorkspaceId
    group: GroupName
    actor_id: ActorId
    key_id: HexDigest
    confirmed_by: list[ActorId]
    counts_from: datetime


class ApprovalPolicyChanged(Value, frozen=True):
    """Event: an approval brought another approval policy with it, by which the next is judged."""

    approval_id: UUID
    before: ApprovalPolicy
    after: ApprovalPolicy


class WorkspaceArchived(Value, frozen=True):
    """Event: a workspace was closed for good. What it has in force stays so until it ends."""

    reason: str
    active_approval_id: UUID | None
