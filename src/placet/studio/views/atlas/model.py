"""An Atlas, and what is read for one."""

from datetime import datetime
from uuid import UUID

from placet.evidence.fields import HexDigest
from placet.evidence.vote import VotePurpose
from placet.kernel.value import Value
from placet.plans.attachments.model import AttachmentCounts, AttachmentStatus
from placet.plans.model import GovernancePlan, PlanStatus
from placet.policy.model import EvidenceClass, Ruling, SideEffect
from placet.studio.drafts.model import DraftId, DraftStatus
from placet.studio.drift.model import DriftSeverity, DriftStatus
from placet.studio.requests.model import RequestId, RequestStatus
from placet.studio.snapshots.model import SnapshotId, SnapshotStatus
from placet.studio.views.model import Basis, Hold, OfferedFacts, ScanLine, ScopeFacts, WorkspaceHead


class DriftGroup(Value, frozen=True):
    """So many drift items of one severity and status on one tool, or on none."""

    tool: str | None
    severity: DriftSeverity
    status: DriftStatus
    items: int


class EvidenceGroup(Value, frozen=True):
    """What scans counted for the rules of one tool, or for those of several.

    `observed` is the most that one of these rules has counted.
    """

    tool: str | None
    rules: int
    unobserved: int
    observed: int
    last_observed_at: datetime | None


class InstanceGroup(Value, frozen=True):
    """So many instances that report the same."""

    status: AttachmentStatus
    compiled_hash: HexDigest | None
    instances: int
    silent: int


class DraftLine(Value, frozen=True):
    """The draft that is worked on."""

    draft_id: DraftId
    status: DraftStatus
    current_version: int


class SnapshotLine(Value, frozen=True):
    """The snapshot that is under review. `open_blockers` and errors stop an approval."""

    snapshot_id: SnapshotId
    snapshot_hash: HexDigest
    version: int
    status: SnapshotStatus
    errors: int
    open_blockers: int
    open_advisories: int


class RequestLine(Value, frozen=True):
    """The latest request for approval, with the status that it counts for at `as_of`."""

    request_id: RequestId
    snapshot_id: SnapshotId
    status: RequestStatus
    purpose: VotePurpose
    deadline: datetime
    votes: int


class AtlasFacts(ScopeFacts, frozen=True):
    """What is read for an Atlas, in one statement."""

    draft: DraftLine | None
    snapshot: SnapshotLine | None
    request: RequestLine | None
    plan: GovernancePlan | None
    instances: list[InstanceGroup]
    offered: list[OfferedFacts]
    drift: list[DriftGroup]
    evidence: list[EvidenceGroup]
    scan: ScanLine | None


class LayerCount(Value, frozen=True):
    """So many rules act in one layer; null are those that decide nothing about a call."""

    layer: int | None
    about: str
    rules: int


class AtlasTool(Value, frozen=True):
    """One tool of the contract.

    `drift` counts the items about it that nobody has closed, `worst_drift` is the gravest of those.
    `observed_least` is null where no scan has counted its rules; with `is_thin` it says little.
    """

    tool: str
    side_effect: SideEffect
    evidence_class: EvidenceClass
    ruling: Ruling
    is_start_required: bool
    rules: list[LayerCount]
    hold: Hold
    drift: int
    worst_drift: DriftSeverity | None
    observed_least: int | None
    is_thin: bool
    last_observed_at: datetime | None


class SeverityCount(Value, frozen=True):
    """So many live drift items of a severity; `undecided` are open or acknowledged."""

    severity: DriftSeverity
    items: int
    undecided: int


class PlanLine(Value, frozen=True):
    """What agents are told now."""

    plan_id: UUID
    status: PlanStatus
    version: int
    compiled_hash: HexDigest | None
    approval_id: UUID | None
    activation_id: UUID | None


class Work(Value, frozen=True):
    """What is under way in the workspace.

    `is_behind` says that the draft was changed after the snapshot was taken.
    """

    draft: DraftLine | None
    snapshot: SnapshotLine | None
    is_behind: bool
    request: RequestLine | None
    plan: PlanLine | None


class Atlas(Value, frozen=True):
    """A workspace on one page. `says` are sentences about what is not known, or thin.

    `tools` are those of the contract; `unknown_tools` are offered by processes of the agent and
    stand in no contract: `unmatched` is what becomes of their calls.
    """

    as_of: datetime
    workspace: WorkspaceHead
    basis: Basis | None
    tools: list[AtlasTool]
    unknown_tools: list[str]
    unmatched: Ruling | None
    rules: list[LayerCount]
    work: Work
    drift: list[SeverityCount]
    instances: AttachmentCounts
    last_scan: ScanLine | None
    says: list[str]
