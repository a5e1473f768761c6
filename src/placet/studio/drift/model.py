"""A drift item, what it is about, what is decided about it, and what is said."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, NewType
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Conflict, Invalid, NotFound
from placet.kernel.value import Input, Value
from placet.studio.drafts.model import Command, CommandType
from placet.studio.workspaces.model import WorkspaceId

DriftItemId = NewType("DriftItemId", UUID)

REASON_MAX: Final = 2_000
WAIVED_DAYS_MAX: Final = 365

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]
"""Why somebody decided so, in their words."""


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


class DecideDrift(Input, frozen=True):
    """Acknowledge or resolve an item, and say why."""

    reason: Reason


class WaiveDrift(Input, frozen=True):
    """Let an item be until a date, at most a year from now, and say why."""

    reason: Reason
    until: Annotated[datetime, msgspec.Meta(tz=True)]


class AcceptDrift(Input, frozen=True):
    """Take an item up in a draft, and say why. Without a command, by the one that it suggests."""

    reason: Reason
    command: Command | None = None


class DriftQuery(Input, frozen=True):
    """Which items: of one status or all, how many, and from where."""

    status: DriftStatus | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None


class DriftAnswer(Value, frozen=True):
    """An item as it counts at this moment."""

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
    decided_by: ActorId | None
    decided_at: datetime | None
    reason: str | None
    waived_until: datetime | None
    draft_id: UUID | None


class AcceptedDrift(Value, frozen=True):
    """An item that a draft takes up, and the command that it was put into the draft with."""

    item: DriftAnswer
    draft_id: UUID
    command_id: UUID
    command_type: CommandType
    version: int


class DriftDecision(Value, frozen=True):
    """What an item becomes, and why."""

    status: DriftStatus
    reason: str
    waived_until: datetime | None = None
    draft_id: UUID | None = None


class DriftItemNotFound(NotFound):
    """There is no such drift item here."""


@dataclasses.dataclass(kw_only=True, eq=False)
class DriftClosed(Conflict):
    """The item is not in a status in which this can be decided about it."""

    hint = "read the item again; what was decided stands"
    drift_status: DriftStatus


class WaiverOutOfRange(Invalid):
    """A waiver ends later than now, and within a year."""

    hint = "name a date between now and a year from now"


class DriftDecided(Value, frozen=True):
    """Event: somebody decided about a drift item, and why. `was` is its status before."""

    item_id: DriftItemId
    approval_id: UUID
    fingerprint: HexDigest
    was: DriftStatus
    status: DriftStatus
    reason: str
    waived_until: datetime | None
    draft_id: UUID | None


class DriftSuperseded(Value, frozen=True):
    """Event: items that nobody had closed gave way to a newer approval, or to a later scan of it.

    A later scan takes the place of an item that told of versions not compared in time.
    """

    by_approval_id: UUID
    item_ids: list[DriftItemId]
