"""A control path, and what is read for one."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.evidence.vote import VoteDecision
from placet.kernel.ids import ActorId
from placet.kernel.refusals import NotFound
from placet.kernel.value import Value
from placet.policy.model import Checkpoint, EvidenceClass, Gate, Ruling, SideEffect
from placet.replay.calls.model import Verdict
from placet.studio.endings.model import ApprovalStatus
from placet.studio.rule_evidence.model import Freshness, RuleFamily
from placet.studio.views.model import (
    Basis,
    DriftLine,
    EvidenceFacts,
    Hold,
    OfferedFacts,
    ScanLine,
    ScopeFacts,
    ViewQuery,
    WorkspaceHead,
)
from placet.studio.votes.model import SigningPlace

DAYS_DEFAULT: Final = 7
DAYS_MAX: Final = 90
SESSIONS_MAX: Final = 500
"""Sessions whose calls an overlay counts, the latest that began in its window."""

NAME_MAX: Final = 128


class ControlQuery(ViewQuery, frozen=True):
    """Which contract is asked about, and over how many days calls are counted."""

    days: Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)] = DAYS_DEFAULT


class VoteLine(Value, frozen=True):
    """One vote that an approval stands on, or one against it."""

    voter_id: ActorId
    key_id: HexDigest
    decision: VoteDecision
    signed_in: SigningPlace
    voted_at: datetime


class VerdictCount(Value, frozen=True):
    """So many calls that were decided alike; `layer` is null for what was allowed."""

    verdict: Verdict
    layer: int | None
    calls: int
    last_at: datetime


class ControlFacts(ScopeFacts, frozen=True):
    """What is read for a control path, in one statement. `drift_total` counts all live items."""

    offered: OfferedFacts | None
    evidence: list[EvidenceFacts]
    votes: list[VoteLine]
    view_hash: HexDigest | None
    drift: list[DriftLine]
    drift_total: int
    verdicts: list[VerdictCount]
    sessions: int
    scan: ScanLine | None


class RuleSupport(Value, frozen=True):
    """What observed calls say of a rule."""

    family: RuleFamily
    support_count: int
    contradiction_count: int
    last_observed_at: datetime | None
    freshness: Freshness


class StageRule(Value, frozen=True):
    """One rule of a stage in words. `support` is null where nothing is kept for the rule."""

    rule: str
    says: str
    support: RuleSupport | None


class Stage(Value, frozen=True):
    """One layer that a call goes through.

    `refused` counts the calls of the overlay that ended here. `layer` is null for what decides
    nothing about a call.
    """

    layer: int | None
    about: str
    rules: list[StageRule]
    refused: int


class Gates(Value, frozen=True):
    """Where a call waits, and what it moves.

    `response` is what becomes of a response of which some calls are refused; `valid_in` is null in
    a contract without phases, `people` where nobody is asked.
    """

    response: Gate
    is_start_required: bool
    valid_in: list[str] | None
    advances_to: str | None
    after_calls_of: list[str]
    people: Checkpoint | None


class Proofs(Value, frozen=True):
    """What proves the contract: the approval, the votes that it stands on, and its artifact."""

    approval_id: UUID
    approval_version: int
    approval_status: ApprovalStatus
    request_id: UUID
    view_hash: HexDigest | None
    compiled_hash: HexDigest
    approved_by: list[ActorId]
    votes: list[VoteLine]


class Overlay(Value, frozen=True):
    """What became of the tool's calls in sessions that began in a window.

    Under an approval only its own sessions count; for what is under review, those under whatever
    was in force. With `is_truncated` there were more sessions than are counted.
    """

    since: datetime
    until: datetime
    sessions: int
    is_truncated: bool
    calls: int
    verdicts: list[VerdictCount]


class ControlPath(Value, frozen=True):
    """The path of one tool's calls, as of one moment. `says` tells what is not known, or thin.

    `is_in_contract` is false for a tool that processes of the agent offer and the contract does
    not have: then `ruling` is that on all such tools, and what describes it is null.
    """

    as_of: datetime
    workspace: WorkspaceHead
    basis: Basis
    tool: str
    is_in_contract: bool
    ruling: Ruling
    side_effect: SideEffect | None
    evidence_class: EvidenceClass | None
    hold: Hold
    stages: list[Stage]
    gates: Gates | None
    proofs: Proofs | None
    overlay: Overlay
    drift: list[DriftLine]
    drift_total: int
    last_scan: ScanLine | None
    says: list[str]


class ToolNotShown(NotFound):
    """Neither the contract nor any process of the agent has a tool of this name."""

    hint = "look at the workspace's atlas for the names of its tools"
