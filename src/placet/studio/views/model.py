"""What a view speaks of, and words that several views use."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from placet.evidence.fields import HexDigest
from placet.evidence.vote import VotePurpose
from placet.kernel.ids import ActorId
from placet.kernel.principal import Environment
from placet.kernel.refusals import NotFound
from placet.kernel.value import Input, Value
from placet.plans.model import Enforcement, Unplanned
from placet.policy.finding import Finding, Strength
from placet.studio.drafts.model import DraftId
from placet.studio.drift.model import DriftItemId, DriftKind, DriftSeverity, DriftStatus
from placet.studio.endings.model import ApprovalEnding, ApprovalStatus
from placet.studio.judgments.model import Judgment
from placet.studio.rule_evidence.model import RuleFamily
from placet.studio.snapshots.model import SnapshotId, SnapshotStatus
from placet.studio.workspaces.model import (
    GovernanceWorkspace,
    RuntimeAuthorityKind,
    WorkspaceId,
    WorkspaceStatus,
)

THIN_BELOW: Final = 20
"""With fewer observations than this, what is known of a tool is called thin."""

ITEMS_MAX: Final = 200
"""Drift items that a view shows one by one, the gravest first."""


class ViewOf(StrEnum):
    """Which contract a view speaks of."""

    APPROVED = "approved"
    DRAFT = "draft"


class ViewQuery(Input, frozen=True):
    """Which contract is asked about; left out, the one in force, else the one under review."""

    of: ViewOf | None = None


class WorkspaceHead(Value, frozen=True):
    """The workspace that a view is about."""

    workspace_id: WorkspaceId
    agent: str
    environment: Environment
    status: WorkspaceStatus
    runtime_authority_kind: RuntimeAuthorityKind
    enforcement: Enforcement
    unplanned: Unplanned


class BasisFacts(Value, frozen=True):
    """The snapshot that a view speaks of as it is read, with its approval if it has one.

    `memory` is the contract's document as text.
    """

    snapshot_id: SnapshotId
    snapshot_hash: HexDigest
    snapshot_version: int
    snapshot_status: SnapshotStatus
    draft_id: DraftId
    memory: str
    findings: list[Finding]
    judgments: list[Judgment]
    approval_id: UUID | None
    approval_version: int | None
    request_id: UUID | None
    purpose: VotePurpose | None
    approved_by: list[ActorId] | None
    approved_at: datetime | None
    expires_at: datetime | None
    artifact_id: UUID | None
    compiled_hash: HexDigest | None
    is_pointed_at: bool
    endings: list[ApprovalEnding]


class Basis(Value, frozen=True):
    """The contract that a view speaks of.

    What is about the approval is null for a snapshot under review. Hashes are hex.
    """

    of: ViewOf
    snapshot_id: SnapshotId
    snapshot_hash: HexDigest
    snapshot_version: int
    snapshot_status: SnapshotStatus
    draft_id: DraftId
    approval_id: UUID | None
    approval_version: int | None
    approval_status: ApprovalStatus | None
    approved_at: datetime | None
    expires_at: datetime | None
    compiled_hash: HexDigest | None


class ScopeFacts(Value, frozen=True):
    """What is read for every view of a workspace."""

    as_of: datetime
    workspace: GovernanceWorkspace
    basis: BasisFacts | None


class OfferedFacts(Value, frozen=True):
    """A tool that processes of the agent offer, over all of its versions.

    `is_attached` says that a process of the agent last reported that it runs under a plan.
    """

    tool: str
    versions: int
    first_seen_at: datetime
    last_seen_at: datetime
    is_attached: bool


class Hold(Value, frozen=True):
    """How hard it is to go around the governance of a tool, as far as anything says.

    `strength` is null where no attached process reports the tool: then nothing is known. Registered
    tool hosts are not looked at here, so what is shown is `cooperative`: the agent's own process
    asks before it calls.
    """

    strength: Strength | None
    versions: int
    last_offered_at: datetime | None


class EvidenceFacts(Value, frozen=True):
    """What a scan counted for one rule of an approval."""

    rule: str
    tool: str | None
    family: RuleFamily
    support_count: int
    contradiction_count: int
    last_observed_at: datetime | None


class DriftLine(Value, frozen=True):
    """A drift item on a line, with the status that it counts for at `as_of`."""

    item_id: DriftItemId
    approval_id: UUID
    kind: DriftKind
    target_ref: str
    tool: str | None
    severity: DriftSeverity
    status: DriftStatus
    summary: str
    seen_count: int
    last_seen_at: datetime


class ScanLine(Value, frozen=True):
    """A runtime receipt on a line. `is_clean` says that nothing was left to look at after it."""

    receipt_id: UUID
    approval_id: UUID
    window_from: datetime
    window_to: datetime
    call_count: int
    tool_count: int
    rule_count: int
    opened_count: int
    live_count: int
    is_clean: bool
    checked_at: datetime


class ContractNotShown(NotFound):
    """There is no contract that this view could speak of."""

    hint = "take a snapshot of the draft, or ask for the contract that is in force"
