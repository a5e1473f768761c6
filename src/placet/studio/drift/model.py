"""A drift item, what it is about, and what is said when it opens."""

from datetime import datetime
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.value import Value
from placet.studio.workspaces.model import WorkspaceId

DriftItemId = NewType("DriftItemId", UUID)

REASON_MAX: Final = 2_000


class DriftKind(StrEnum):
    """What diverges from an approval."""

    TOOL_NEW = "tool_new"
    TOOL_CHANGED = "tool_changed"
    DEMAND_DENIED = "demand_denied"
    RULE_UNUSED = "rule_unused"
    RULE_CONTRADICTED = "rule_contradicted"
    OUTSIDE_PHASES = "outside_phases"
    BREAK_GLASS = "break_glass"


class DriftSeverity(StrEnum):
    """How much it matters, the least first."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"


class DriftStatus(StrEnum):
    """What people have made of it."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    ACCEPTED = "accepted"
    WAIVED = "waived"
    SUPERSEDED = "superseded"


class ToolChange(StrEnum):
    """How a tool differs from the one that was approved, by what its schema takes."""

    DESCRIPTION_ONLY = "description_only"
    WIDENED = "widened"
    NARROWED = "narrowed"
    INCOMPATIBLE = "incompatible"


class DriftSubject(Value, frozen=True):
    """What an item is about, as far as its kind has it; part of the fingerprint.

    `rule` is a place of the contract, `code` a reason's, `found` the hash of what was found.
    """

    tool: str | None = None
    rule: str | None = None
    code: str | None = None
    change: ToolChange | None = None
    found: HexDigest | None = None


class DriftItem(Value, frozen=True):
    """One divergence from one approval. `seen_count` counts what it was seen in.

    `target_ref` is `tool:NAME`, `rule:PLACE` or `approval`. `decided_by`, `decided_at` and `reason`
    are those of the last decision about it; `draft_id` is the draft that took it up.
    """

    tenant_id: TenantId
    item_id: DriftItemId
    workspace_id: WorkspaceId
    approval_id: UUID
    kind: DriftKind
    target_ref: str
    subject: DriftSubject
    fingerprint: HexDigest
    severity: DriftSeverity
    status: DriftStatus
    summary: str
    seen_count: int
    first_seen_at: datetime
    last_seen_at: datetime
    decided_by: ActorId | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    waived_until: datetime | None = None
    draft_id: UUID | None = None


class Sighting(Value, frozen=True):
    """That something diverges from an approval, and when that was last the case.

    `times` is how often it was seen since the last time that anybody told of it.
    """

    workspace_id: WorkspaceId
    approval_id: UUID
    kind: DriftKind
    subject: DriftSubject
    severity: DriftSeverity
    summary: str
    seen_at: datetime
    times: int = 1


class DriftOpened(Value, frozen=True):
    """Event: something diverges from an approval that nobody has looked at yet."""

    item_id: DriftItemId
    approval_id: UUID
    kind: DriftKind
    target_ref: str
    fingerprint: HexDigest
    severity: DriftSeverity
    summary: str
