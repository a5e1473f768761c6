"""An approval preview, and what is read for one."""

from datetime import datetime
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.evidence.vote import VoteDecision, VotePurpose
from placet.kernel.ids import ActorId
from placet.kernel.value import Value
from placet.policy.diff.change import ChangeKind
from placet.policy.finding import Finding
from placet.studio.approvals.model import ApprovalReason
from placet.studio.drafts.model import BusinessDraft
from placet.studio.impact.model import ImpactPreview, ImpactSummary
from placet.studio.judgments.model import Judgment
from placet.studio.requests.model import ApprovalRequest, RequestId, RequestStatus
from placet.studio.snapshots.model import BusinessDraftSnapshot, SnapshotId
from placet.studio.views.model import WorkspaceHead
from placet.studio.votes.model import ApprovalVote
from placet.studio.workspaces.model import (
    ApproverRemoval,
    GovernanceWorkspace,
    GroupMember,
    GroupName,
    KeyStanding,
    PolicyChange,
    WorkspaceKey,
)


class ImpactFacts(ImpactPreview, frozen=True):
    """The latest impact preview as it is read, its report as text."""

    report: str


class PersonFacts(Value, frozen=True):
    """Somebody who was let in to the workspace with a key."""

    actor_id: ActorId
    name: str
    is_disabled: bool
    has_role: bool


class ChangeLine(Value, frozen=True):
    """One rule that is not what it was: a `Change`, with both values as JSON, null for nothing."""

    kind: ChangeKind
    path: str
    tool: str | None
    layer: int | None
    text: str
    before: msgspec.Raw
    after: msgspec.Raw
    may_widen: bool


class FrozenDiff(Value, frozen=True):
    """What the voters' view says of changes."""

    against: UUID | None
    changes: list[ChangeLine]


class FrozenView(Value, frozen=True):
    """What a preview reads of the voters' view."""

    diff: FrozenDiff
    impact: ImpactSummary | None


class PreviewFacts(Value, frozen=True):
    """What is read for a preview, in one statement.

    Bytes that a preview does not need are left empty: the contract, and the votes' envelopes.
    `frame` is the view that voters see, as text.
    """

    as_of: datetime
    workspace: GovernanceWorkspace
    request: ApprovalRequest
    frame: str
    snapshot: BusinessDraftSnapshot
    draft: BusinessDraft
    votes: list[ApprovalVote]
    keys: list[WorkspaceKey]
    members: list[GroupMember]
    removals: list[ApproverRemoval]
    revoked: list[HexDigest]
    people: list[PersonFacts]
    authors: list[ActorId]
    impact: ImpactFacts | None


class Voter(Value, frozen=True):
    """Somebody who was let in to the workspace, and whether they may vote on this request now.

    `groups` are those that a key of theirs counts for. `standings` are those of their keys. A vote
    that `counts` is one by a key that still does.
    """

    actor_id: ActorId
    name: str
    groups: list[GroupName]
    standings: list[KeyStanding]
    is_author: bool
    may_vote: bool
    decision: VoteDecision | None
    counts: bool


class Missing(Value, frozen=True):
    """What of a quorum is met. `name` is null for the quorum over everybody.

    `could_vote` counts the people whose votes could still be added; with fewer of them than are
    `missing`, the request cannot be granted as things are.
    """

    name: GroupName | None
    approvals: int
    quorum: int
    missing: int
    could_vote: int


class ApprovalPreview(Value, frozen=True):
    """What a request would come to, as of one moment.

    `against` is the approval that `changes` compare with, null for none; `is_current` is false
    once something else is in force. `impact` is the latest that was computed, which may be a later
    one than the voters' view has (`impact_in_view`). `says` tells what to look at twice.
    """

    as_of: datetime
    workspace: WorkspaceHead
    request_id: RequestId
    status: RequestStatus
    purpose: VotePurpose
    deadline: datetime
    requested_by: ActorId
    view_hash: HexDigest
    artifact_hash: HexDigest
    snapshot_id: SnapshotId
    snapshot_hash: HexDigest
    snapshot_version: int
    against: UUID | None
    is_current: bool
    changes: list[ChangeLine]
    policy_change: PolicyChange | None
    findings: list[Finding]
    judgments: list[Judgment]
    impact_in_view: ImpactSummary | None
    impact: ImpactSummary | None
    stands_against: list[ApprovalReason]
    missing: list[Missing]
    voters: list[Voter]
    says: list[str]
