"""A snapshot of a draft, and what is said when it is taken."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import NotFound
from placet.kernel.value import Input, Value
from placet.policy.finding import Finding
from placet.studio.drafts.model import DraftId
from placet.studio.judgments.model import Judgment
from placet.studio.sources.model import CountedSource
from placet.studio.workspaces.model import WorkspaceId

SnapshotId = NewType("SnapshotId", UUID)


class SnapshotStatus(StrEnum):
    """Whether a snapshot can be approved; fixed when it is taken."""

    INVALID = "invalid"
    NEEDS_JUDGMENT = "needs_judgment"
    READY_FOR_APPROVAL = "ready_for_approval"


class TakeSnapshot(Input, frozen=True):
    """Freeze a draft that still has the expected version."""

    expected_draft_version: Annotated[int, msgspec.Meta(ge=0)]


class BusinessDraftSnapshot(Value, frozen=True):
    """What was under review: the whole contract, everything found in it and what was answered.

    `sources` are what `source_snapshot_hash` is over. Hashes are hex.
    """

    tenant_id: TenantId
    snapshot_id: SnapshotId
    workspace_id: WorkspaceId
    draft_id: DraftId
    version: int
    status: SnapshotStatus
    memory_json: bytes
    snapshot_hash: HexDigest
    source_snapshot_hash: HexDigest
    command_history_hash: HexDigest
    findings: list[Finding]
    generation_profile: str
    compiler_version: str
    created_by: ActorId
    created_at: datetime
    sources: list[CountedSource]
    judgments: list[Judgment]


class SnapshotContent(Value, frozen=True):
    """What a snapshot's hash covers. `memory_hash` is that of the document, in hex."""

    tenant_id: TenantId
    snapshot_id: SnapshotId
    workspace_id: WorkspaceId
    environment: Environment
    draft_id: DraftId
    version: int
    status: SnapshotStatus
    memory_hash: HexDigest
    source_snapshot_hash: HexDigest
    command_history_hash: HexDigest
    findings: list[Finding]
    judgments: list[Judgment]
    generation_profile: str
    compiler_version: str
    created_by: ActorId


class SnapshotAnswer(Value, frozen=True):
    """A snapshot as it is shown: the contract as JSON, hashes as hex."""

    snapshot_id: SnapshotId
    workspace_id: WorkspaceId
    draft_id: DraftId
    version: int
    status: SnapshotStatus
    memory: msgspec.Raw
    snapshot_hash: HexDigest
    source_snapshot_hash: HexDigest
    sources: list[CountedSource]
    command_history_hash: HexDigest
    findings: list[Finding]
    judgments: list[Judgment]
    generation_profile: str
    compiler_version: str
    created_by: ActorId
    created_at: datetime


class SnapshotSummary(Value, frozen=True):
    """A snapshot without its contract and what was found in it. Hashes are hex."""

    snapshot_id: SnapshotId
    workspace_id: WorkspaceId
    draft_id: DraftId
    version: int
    status: SnapshotStatus
    snapshot_hash: HexDigest
    source_snapshot_hash: HexDigest
    command_history_hash: HexDigest
    compiler_version: str
    created_by: ActorId
    created_at: datetime


class DraftReview(Value, frozen=True):
    """What a snapshot of a draft would hold, were it taken now. Hashes are hex."""

    draft_id: DraftId
    version: int
    status: SnapshotStatus
    source_snapshot_hash: HexDigest
    sources: list[CountedSource]
    command_history_hash: HexDigest
    findings: list[Finding]
    judgments: list[Judgment]
    compiler_version: str


class SnapshotNotFound(NotFound):
    """There is no such snapshot here."""


class SnapshotTaken(Value, frozen=True):
    """Event: a draft was frozen at a version."""

    snapshot_id: SnapshotId
    draft_id: DraftId
    version: int
    status: SnapshotStatus
    snapshot_hash: HexDigest
    command_history_hash: HexDigest
    compiler_version: str
