"""An approval, its proof, and why one is refused."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from placet.evidence.dsse import Envelope
from placet.evidence.fields import HexDigest
from placet.evidence.vote import VotePurpose
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Invalid, NotFound
from placet.kernel.value import Value
from placet.studio.snapshots.model import SnapshotId
from placet.studio.workspaces.model import ApprovalPolicy, GroupName, PolicyChange, WorkspaceId


class GovernanceApproval(Value, frozen=True):
    """The signed assent to one snapshot. Hashes are hex."""

    tenant_id: TenantId
    approval_id: UUID
    workspace_id: WorkspaceId
    draft_snapshot_id: SnapshotId
    request_id: UUID
    approval_version: int
    artifact_id: UUID
    source_snapshot_hash: HexDigest
    command_history_hash: HexDigest
    compiler_version: str
    approval_proof_json: bytes
    approved_by: list[ActorId]
    approved_at: datetime
    expires_at: datetime | None
    purpose: VotePurpose


class GroupProof(Value, frozen=True):
    """For which group a vote counted, and who confirmed that; nobody at the creation."""

    name: GroupName
    confirmed_by: list[ActorId]


class ApprovalHead(Value, frozen=True):
    """An approval without what proves it."""

    approval_id: UUID
    workspace_id: WorkspaceId
    draft_snapshot_id: SnapshotId
    request_id: UUID
    approval_version: int
    artifact_id: UUID
    approved_by: list[ActorId]
    approved_at: datetime
    expires_at: datetime | None
    purpose: VotePurpose


class FirstProof(Value, frozen=True):
    """What a first approver's proof of possession is over, beside agent and environment.

    `groups` are those at the creation, `succeeds` is the archived workspace that went before.
    """

    groups: list[GroupName]
    succeeds: UUID | None


class VoterProof(Value, frozen=True):
    """Why a voter's vote counted, and for which groups. `public_key` and `proof` are base64.

    `proof` is the one with which the key came to this workspace. `first` is null for a key that
    approvers let in.
    """

    actor_id: ActorId
    key_id: HexDigest
    public_key: bytes
    proof: bytes
    key_confirmed_by: list[ActorId]
    approver_confirmed_by: list[ActorId]
    groups: list[GroupProof]
    first: FirstProof | None = None


class ApprovalProof(Value, frozen=True):
    """What proves an approval to somebody who has only the key list."""

    tenant_id: TenantId
    workspace_id: WorkspaceId
    environment: Environment
    request_id: UUID
    snapshot_id: SnapshotId
    snapshot_hash: HexDigest
    view_hash: HexDigest
    artifact_hash: HexDigest
    approval_policy: ApprovalPolicy
    approval_policy_hash: HexDigest
    policy_change: PolicyChange | None
    votes: list[Envelope]
    voters: list[VoterProof]


class GrantApproval(Value, frozen=True):
    """Approve a snapshot on the strength of the votes in the proof."""

    purpose: VotePurpose
    snapshot_id: SnapshotId
    artifact_hash: HexDigest
    approval_policy: ApprovalPolicy
    policy_change: PolicyChange | None
    approved_by: list[ActorId]
    proof: ApprovalProof


class Granted(Value, frozen=True):
    """What was granted: the approval and the hash of what it puts in force."""

    approval: GovernanceApproval
    compiled_hash: HexDigest


class ApprovalAnswer(Value, frozen=True):
    """An approval as it is shown: its proof as JSON."""

    approval_id: UUID
    workspace_id: WorkspaceId
    draft_snapshot_id: SnapshotId
    request_id: UUID
    approval_version: int
    artifact_id: UUID
    source_snapshot_hash: HexDigest
    command_history_hash: HexDigest
    compiler_version: str
    approval_proof: msgspec.Raw
    approved_by: list[ActorId]
    approved_at: datetime
    expires_at: datetime | None
    purpose: VotePurpose


class ApprovalFlaw(StrEnum):
    """Why an approval, a request for one or a vote on one is refused."""

    WORKSPACE_NOT_ACTIVE = "workspace_not_active"
    NO_ACTIVE_DRAFT = "no_active_draft"
    SNAPSHOT_NOT_ACTIVE = "snapshot_not_active"
    VERSION_MOVED = "version_moved"
    SNAPSHOT_NOT_READY = "snapshot_not_ready"
    BLOCKERS_OPEN = "blockers_open"
    COMPILED_OTHERWISE = "compiled_otherwise"
    REQUEST_CLOSED = "request_closed"
    REQUEST_EXPIRED = "request_expired"
    NOT_AN_APPROVER = "not_an_approver"
    ENVELOPE_MALFORMED = "envelope_malformed"
    KEY_UNKNOWN = "key_unknown"
    KEY_OF_ANOTHER = "key_of_another"
    KEY_NOT_CONFIRMED = "key_not_confirmed"
    KEY_NOT_YET = "key_not_yet"
    KEY_REVOKED = "key_revoked"
    VOTER_DISABLED = "voter_disabled"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNED_OTHERWISE = "signed_otherwise"
    VOTED_ALREADY = "voted_already"
    AUTHOR_ALONE = "author_alone"
    POLICY_MOVED = "policy_moved"
    NEXT_POLICY_REFUSED = "next_policy_refused"


class ApprovalReason(Value, frozen=True):
    """One thing that stands against it."""

    code: ApprovalFlaw
    detail: str


@dataclasses.dataclass(kw_only=True, eq=False)
class ApprovalRefused(Invalid):
    """The approval cannot go on."""

    hint = "every reason is listed; all of them must go"
    reasons: list[ApprovalReason]


class ApprovalNotFound(NotFound):
    """There is no such approval here."""


class ApprovalGranted(Value, frozen=True):
    """Event: a snapshot was approved, and this is in force, or stands by for break-glass."""

    approval_id: UUID
    request_id: UUID
    approval_version: int
    snapshot_id: SnapshotId
    snapshot_hash: HexDigest
    artifact_id: UUID
    compiled_hash: HexDigest
    approved_by: list[ActorId]
    expires_at: datetime | None
    purpose: VotePurpose
