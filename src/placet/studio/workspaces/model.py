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


class WorkspaceStatus(StrEnum):
    """Whether a workspace can still be worked in."""

    ACTIVE = "active"
    ARCHIVED = "archived"


class RuntimeAuthorityKind(StrEnum):
    """What the runtime goes by: nothing, what was learned, or what was signed."""

    NONE = "none"
    PLAN = "plan"
    ARTIFACT = "artifact"


class ApprovalPolicy(Input, frozen=True):
    """What an approval takes.

    `quorum` counts distinct people. With `four_eyes`, those who wrote the draft never suffice by
    themselves. `validity_days` is how long an approval lasts, null for ever.
    `enrolment_delay_hours` is how long a later enrolment waits before it counts, except in
    development, where it counts at once.
    """

    quorum: Annotated[int, msgspec.Meta(ge=1, le=QUORUM_MAX)] = 1
    four_eyes: bool = False
    validity_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] | None = None
    enrolment_delay_hours: Annotated[int, msgspec.Meta(ge=0, le=ENROLMENT_DELAY_HOURS_MAX)] = (
        ENROLMENT_DELAY_HOURS
    )


class GovernanceWorkspace(Value, frozen=True):
    """The governance of one agent in one environment, and what it points at now."""

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
    of that workspace confirmed, so that no group can make voters for another.
    """

    tenant_id: TenantId
    workspace_id: WorkspaceId
    actor_id: ActorId
    key_id: HexDigest
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


class CreateWorkspace(Input, frozen=True):
    """Open a workspace. What is left out of the posture is the environment's own."""

    agent: AgentName
    environment: Environment
    enforcement: Enforcement | None = None
    unplanned: Unplanned | None = None
    approval_policy: ApprovalPolicy = ApprovalPolicy()
    approvers: Annotated[tuple[EnrolKey, ...], msgspec.Meta(max_length=FIRST_APPROVERS_MAX)] = ()


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


class FirstApprover(Value, frozen=True):
    """One who counts from the creation of the workspace on, confirmed by nobody."""

    actor_id: ActorId
    key_id: HexDigest


class WorkspaceCreated(Value, frozen=True):
    """Event: an agent has a workspace in an environment."""

    workspace_id: WorkspaceId
    agent: str
    environment: Environment
    enforcement: Enforcement
    unplanned: Unplanned
    approval_policy: ApprovalPolicy
    first_approvers: list[FirstApprover]
