"""An impact preview: what is asked, what is compared, and what is told of it."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Action, Invalid, NotFound, Unavailable
from placet.kernel.value import Input, Value
from placet.policy.finding import Finding
from placet.policy.needs import Need
from placet.replay.calls.model import Verdict
from placet.replay.recordings.model import CALLS_MAX
from placet.studio.snapshots.model import SnapshotId
from placet.studio.workspaces.model import WorkspaceId

SECONDS_DEFAULT: Final = 30 * 86_400
SECONDS_MAX: Final = 366 * 86_400
EXAMPLES_MAX: Final = 3
"""Examples of each kind of flip, and of each fact that is missing."""

TOOLS_MAX: Final = 50
"""Tools that are counted by name in one kind of flip; those with fewer calls are added up."""


class ComparedWith(StrEnum):
    """What the candidate is held against: what is in force, or what was decided at the time."""

    IN_FORCE = "in_force"
    RECORDED = "recorded"


class MissingFact(StrEnum):
    """What a recording would have to hold for a denial to be judged."""

    EARLIER_CALL = "earlier_call"
    OUTPUT = "output"
    ARGUMENTS = "arguments"
    PRINCIPAL = "principal"


class PreviewImpact(Input, frozen=True):
    """Hold a candidate to what was recorded in a time before `until`, which is now unless named."""

    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    seconds: Annotated[int, msgspec.Meta(ge=60, le=SECONDS_MAX)] = SECONDS_DEFAULT
    calls_max: Annotated[int, msgspec.Meta(ge=1, le=CALLS_MAX)] = CALLS_MAX


class RuleLine(Value, frozen=True):
    """One reason of a verdict. `detail` is null where it might show what is redacted."""

    code: str
    rule: str
    detail: str | None


class Judgment(Value, frozen=True):
    """A verdict on one call, and what would have to be known for it to stand, if anything."""

    verdict: Verdict
    layer: int | None
    reasons: list[RuleLine]
    missing: MissingFact | None = None
    missing_detail: str | None = None


class Example(Value, frozen=True):
    """One call with both verdicts.

    `arguments` are JSON text without what is redacted, null where they are malformed, too long or
    not known; `arguments_hash` is always there.
    """

    session_id: UUID
    step: int
    call_id: UUID
    tool: str
    at: datetime
    arguments: str | None
    arguments_hash: HexDigest
    before: Judgment
    after: Judgment


class ToolCount(Value, frozen=True):
    """So many calls of one tool; `tool` is null for all that are not counted by name."""

    tool: str | None
    calls: int


class Flip(Value, frozen=True):
    """Calls whose verdict changes in one way, with the first few of them."""

    before: Verdict
    after: Verdict
    calls: int
    tools: list[ToolCount]
    examples: list[Example]


class Unjudged(Value, frozen=True):
    """Calls that cannot be judged for want of one kind of fact, with the first few of them."""

    missing: MissingFact
    calls: int
    tools: list[ToolCount]
    examples: list[Example]


class VerdictCounts(Value, frozen=True):
    """How many calls have each verdict, those that cannot be judged with them."""

    allow: int
    deny: int
    ask: int


class ImpactReport(Value, frozen=True):
    """What becomes of the recorded calls of a window. `same`, flips and unjudged add up to all.

    `is_truncated` says that the window holds more than was read. `unrecorded` are facts that rules
    of the candidate read and no recording has.
    """

    sessions: int
    calls: int
    is_truncated: bool
    same: int
    before: VerdictCounts
    after: VerdictCounts
    flips: list[Flip]
    unjudged: list[Unjudged]
    unrecorded: list[Need]


class ImpactPreview(Value, frozen=True):
    """A report as it is kept, with what was compared. `report_json` is canonical JSON."""

    tenant_id: TenantId
    impact_id: UUID
    workspace_id: WorkspaceId
    snapshot_id: SnapshotId
    candidate_hash: HexDigest
    compared_with: ComparedWith
    against_approval_id: UUID | None
    against_hash: HexDigest | None
    since: datetime
    until: datetime
    calls_max: int
    report_json: bytes
    report_hash: HexDigest
    computed_by: ActorId
    computed_at: datetime


class ImpactSession(Value, frozen=True):
    """That a preview shows calls of a session."""

    tenant_id: TenantId
    session_id: UUID
    impact_id: UUID


class ImpactAnswer(Value, frozen=True):
    """A preview as it is shown."""

    impact_id: UUID
    workspace_id: WorkspaceId
    snapshot_id: SnapshotId
    candidate_hash: HexDigest
    compared_with: ComparedWith
    against_approval_id: UUID | None
    against_hash: HexDigest | None
    since: datetime
    until: datetime
    calls_max: int
    report: ImpactReport
    report_hash: HexDigest
    computed_by: ActorId
    computed_at: datetime


class FlipCount(Value, frozen=True):
    """So many calls whose verdict changes in one way."""

    before: Verdict
    after: Verdict
    calls: int


class ImpactSummary(Value, frozen=True):
    """A preview in numbers, as voters see it; the whole report has this hash."""

    impact_id: UUID
    compared_with: ComparedWith
    against_hash: HexDigest | None
    since: datetime
    until: datetime
    sessions: int
    calls: int
    is_truncated: bool
    same: int
    flips: list[FlipCount]
    unjudged: int
    unrecorded: list[Need]
    report_hash: HexDigest


class ImpactPreviewed(Value, frozen=True):
    """Event: a candidate was held to recorded calls."""

    impact_id: UUID
    snapshot_id: SnapshotId
    candidate_hash: HexDigest
    compared_with: ComparedWith
    against_hash: HexDigest | None
    since: datetime
    until: datetime
    calls: int
    same: int
    flips: list[FlipCount]
    unjudged: int
    report_hash: HexDigest


class ImpactNotFound(NotFound):
    """There is no impact preview of this snapshot."""

    hint = "compute one by POST on the same path"


@dataclasses.dataclass(kw_only=True, eq=False)
class CandidateInvalid(Invalid):
    """The candidate cannot be held to any call."""

    hint = "mend what was found, and freeze the draft again"
    findings: list[Finding] = dataclasses.field(default_factory=list)


class PreviewBusy(Unavailable):
    """Another impact preview is being computed."""

    hint = "send the same request again after the time in Retry-After"


class PreviewBroken(Unavailable):
    """The process that computed the impact preview has ended."""

    hint = (
        "send the same request again after the time in Retry-After, for fewer calls if it repeats"
    )


class PreviewTooCostly(Invalid):
    """Judging these calls takes too long."""

    action = Action.STOP
    hint = "ask for fewer calls or a shorter time"
