"""What a scan looked at and found."""

from datetime import datetime
from uuid import UUID

from placet.evidence.fields import HexDigest
from placet.kernel.foreign import Json
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Conflict, Unavailable
from placet.kernel.value import Value
from placet.policy.model import Ruling, SideEffect
from placet.studio.drift.model import ToolChange
from placet.studio.workspaces.model import WorkspaceId


class ApprovalRuntimeReceipt(Value, frozen=True):
    """That the runtime was compared with an approval: over which time, and on how much.

    The window is open at its beginning. `call_count` is the sample: the calls proposed in it.
    `tool_count` are the versions of tools that were compared, `source_count` the sources,
    `rule_count` the rules that evidence is kept for. `opened_count` items were opened by this scan;
    `live_count` are open, acknowledged, accepted or waived after it: with 0 it was clean.
    """

    tenant_id: TenantId
    receipt_id: UUID
    workspace_id: WorkspaceId
    approval_id: UUID
    compiled_hash: HexDigest
    window_from: datetime
    window_to: datetime
    call_count: int
    tool_count: int
    source_count: int
    rule_count: int
    opened_count: int
    live_count: int
    checked_by: ActorId
    checked_at: datetime


class SeenTool(Value, frozen=True):
    """A version of a tool that somebody lists, and when. `schema` is None where it is not known."""

    name: str
    description_hash: HexDigest | None
    schema_hash: HexDigest | None
    schema: Json
    first_seen_at: datetime
    last_seen_at: datetime


class ApprovedTool(Value, frozen=True):
    """What an approval says of a tool."""

    name: str
    side_effect: SideEffect
    ruling: Ruling
    schema_hash: HexDigest | None
    schema: Json


class Difference(Value, frozen=True):
    """How a version of a tool differs from what was approved. `found` is the hash of what it is."""

    tool: str
    change: ToolChange
    found: HexDigest
    seen_at: datetime


class NothingToScan(Conflict):
    """The workspace has no approval in force, so there is nothing to compare the runtime with."""

    hint = "scan again once an approval is in force"


class ScanBusy(Unavailable):
    """Another scan that was asked for is being prepared."""

    hint = "send the same request again after the time in Retry-After"


class ApprovalChecked(Value, frozen=True):
    """Event: the runtime was compared with the approval in force."""

    receipt_id: UUID
    approval_id: UUID
    compiled_hash: HexDigest
    window_from: datetime
    window_to: datetime
    call_count: int
    tool_count: int
    source_count: int
    rule_count: int
    opened_count: int
    live_count: int
