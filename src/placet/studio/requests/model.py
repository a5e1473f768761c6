"""A request for approval, and what is said about it."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NewType
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.evidence.vote import CheckpointSeen, VotePurpose
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.paging import PAGE_DEFAULT, PAGE_MAX
from placet.kernel.principal import Environment
from placet.kernel.refusals import Conflict, Forbidden, Invalid, NotFound
from placet.kernel.value import Input, Value
from placet.plans.model import Enforcement, Unplanned
from placet.policy.diff.change import Change
from placet.policy.finding import Finding
from placet.studio.endings.model import EndedApproval
from placet.studio.impact.model import ImpactSummary
from placet.studio.judgments.model import Judgment
from placet.studio.snapshots.model import SnapshotId
from placet.studio.workspaces.model import (
    GROUPS_MAX,
    ApprovalPolicy,
    FirstMember,
    PolicyChange,
    WorkspaceId,
)

RequestId = NewType("RequestId", UUID)

DEADLINE_SECONDS_MIN: Final = 60
DEADLINE_SECONDS_MAX: Final = 30 * 86_400
DEADLINE_SECONDS_DEFAULT: Final = 7 * 86_400
FIRST_MEMBERS_MAX: Final = 10 * GROUPS_MAX
REASON_MAX: Final = 2_000


class RequestStatus(StrEnum):
    """Whether a request still takes votes, or how it ended."""

    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class ApprovalRequest(Value, frozen=True):
    """What people are asked to assent to, frozen. Hashes are hex.

    `policy_change` is the approval policy that holds from the approval on, if it is another one.
    `purpose` says what the approval is for: to be in force, or to stand by for break-glass.
    """

    tenant_id: TenantId
    request_id: RequestId
    workspace_id: WorkspaceId
    snapshot_id: SnapshotId
    status: RequestStatus
    view_json: bytes
    view_hash: HexDigest
    artifact_hash: HexDigest
    approval_policy_hash: HexDigest
    environment: Environment
    deadline: datetime
    requested_by: ActorId
    created_at: datetime
    policy_change: PolicyChange | None
    purpose: VotePurpose


class RequestSummary(Value, frozen=True):
    """A request in a list, as it counts now, without the view that is frozen in it."""

    request_id: RequestId
    workspace_id: WorkspaceId
    snapshot_id: SnapshotId
    status: RequestStatus
    purpose: VotePurpose
    environment: Environment
    view_hash: HexDigest
    artifact_hash: HexDigest
    approval_policy_hash: HexDigest
    deadline: datetime
    requested_by: ActorId
    created_at: datetime


class RequestQuery(Input, frozen=True):
    """Which requests: of one status or all, how many, and from where."""

    status: RequestStatus | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None


class RequestApproval(Input, frozen=True):
    """Ask for the approval of a snapshot, within a time.

    With `next_approval_policy` the approval also brings another policy, by which later ones are
    judged; this one is judged by the policy of now. `first_members` says whose keys are in the
    groups that it adds. To change nothing else, take a snapshot of the same contract.

    For the purpose `break_glass` the approval puts nothing in force: what it compiles to stands by
    until two operators activate it for a while. Such a request brings no other policy.
    """

    snapshot_id: UUID
    deadline_seconds: Annotated[
        int, msgspec.Meta(ge=DEADLINE_SECONDS_MIN, le=DEADLINE_SECONDS_MAX)
    ] = DEADLINE_SECONDS_DEFAULT
    next_approval_policy: ApprovalPolicy | None = None
    first_members: Annotated[
        tuple[FirstMember, ...], msgspec.Meta(max_length=FIRST_MEMBERS_MAX)
    ] = ()
    purpose: VotePurpose = VotePurpose.ORDINARY


class WithdrawRequest(Input, frozen=True):
    """Take a request back, and say why."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]


class ContractDiff(Value, frozen=True):
    """What changed against an approval, rule by rule: what widened stands first.

    Against nothing, `against` is null and each tool is a change.
    """

    against: UUID | None
    changes: list[Change]


class ApprovalFrame(Value, frozen=True):
    """The view that voters see, without the review projection that is put beside it.

    `impact` is the latest preview of what the snapshot compiles to, null where none was made.
    `ended` tells what was revoked or ran out of the approval that the draft stems from, and of
    those of the tenant that compiled to the same.
    """

    workspace_id: WorkspaceId
    purpose: VotePurpose
    agent: str
    environment: Environment
    enforcement: Enforcement
    unplanned: Unplanned
    snapshot_id: SnapshotId
    snapshot_hash: HexDigest
    snapshot_version: int
    artifact_hash: HexDigest
    compiler_version: str
    approval_policy: ApprovalPolicy
    policy_change: PolicyChange | None
    diff: ContractDiff
    findings: list[Finding]
    judgments: list[Judgment]
    impact: ImpactSummary | None
    ended: list[EndedApproval]


class VoteFields(Value, frozen=True):
    """What a vote on a request says, but for the decision, the voter and the voter's key."""

    purpose: VotePurpose
    tenant_id: TenantId
    workspace_id: WorkspaceId
    environment: Environment
    request_id: RequestId
    snapshot_id: SnapshotId
    snapshot_hash: HexDigest
    view_hash: HexDigest
    source_hash: HexDigest
    command_history_hash: HexDigest
    compiler_version: str
    artifact_hash: HexDigest
    approval_policy_hash: HexDigest
    latest_checkpoint: CheckpointSeen | None


class RequestAnswer(Value, frozen=True):
    """A request as it is shown: the view, and what exactly is to be signed.

    Sign the canonical JSON of `vote_fields` with `decision`, `voter_id` and `key_id` added, under
    the type `vote_type`.
    """

    request_id: RequestId
    workspace_id: WorkspaceId
    snapshot_id: SnapshotId
    status: RequestStatus
    environment: Environment
    view: msgspec.Raw
    view_hash: HexDigest
    artifact_hash: HexDigest
    approval_policy_hash: HexDigest
    deadline: datetime
    requested_by: ActorId
    created_at: datetime
    vote_type: str
    vote_fields: VoteFields


class RequestNotFound(NotFound):
    """There is no such approval request here."""


@dataclasses.dataclass(kw_only=True, eq=False)
class ApprovalAlreadyRequested(Conflict):
    """Approval of this snapshot is being asked for already."""

    hint = "vote on the request that is open"
    open_request_id: UUID | None


@dataclasses.dataclass(kw_only=True, eq=False)
class RequestClosed(Conflict):
    """The request takes no votes any more."""

    hint = "ask for approval again if it is still wanted"
    request_status: RequestStatus


class StandbyChangesNoPolicy(Invalid):
    """A request for break-glass brings another approval policy."""

    hint = "ask for the change of policy with an ordinary request"


class WithdrawalNotAllowed(Forbidden):
    """A request is withdrawn by whoever made it, or by an author of the draft."""

    hint = "ask its author, or vote on it"


class ApprovalRequested(Value, frozen=True):
    """Event: people were asked to assent to a snapshot."""

    request_id: RequestId
    snapshot_id: SnapshotId
    snapshot_hash: HexDigest
    view_hash: HexDigest
    artifact_hash: HexDigest
    approval_policy_hash: HexDigest
    environment: Environment
    deadline: datetime
    purpose: VotePurpose


class ApprovalRequestClosed(Value, frozen=True):
    """Event: a request ended without an approval.

    It was refused by a vote, withdrawn, ran out, or was superseded. `reason` is what was said about
    it, where somebody said something.
    """

    request_id: RequestId
    snapshot_id: SnapshotId
    status: RequestStatus
    reason: str | None = None
