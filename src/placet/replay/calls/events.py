"""What is said of calls in a session's stream. A body holds nothing that the database assigns."""

from uuid import UUID

from placet.kernel.value import Value
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitState,
    EvidenceLevel,
    ReasonView,
    ReceiptStatus,
    Verdict,
)
from placet.replay.sessions.model import CommittedMemory


class RequestPrepared(Value, frozen=True):
    """Event: a model request was bound to the session's state. Hashes are hex."""

    prepared_request_id: UUID
    request_hash: str
    model: str | None
    offered_tools: list[str]
    tools: list[str]


class ProposalDecided(Value, frozen=True):
    """Event: a prepared request was consumed by a response with so many calls."""

    prepared_request_id: UUID
    request_hash: str
    proposal_hash: str
    calls: int
    granted: int


class CallProposed(Value, frozen=True):
    """Event: a call was decided. A granted one counts from here on.

    `phase_after` is the session's phase after it: another only for a call that commits at its
    grant. The arguments stand in the call's row; here is their hash.
    """

    call_id: UUID
    prepared_request_id: UUID
    ordinal: int
    tool_call_id: str
    tool: str
    arguments_hash: str
    verdict: Verdict
    status: CallStatus
    layer: int | None
    reasons: list[ReasonView]
    blocked_why: BlockedWhy | None
    effect_key: str | None
    start_required: bool
    phase_after: str | None


class CallStarted(Value, frozen=True):
    """Event: a grant was redeemed, and the tool may have begun."""

    call_id: UUID
    start_id: UUID


class ReceiptReceived(Value, frozen=True):
    """Event: somebody reported what became of a call, under the fence named here.

    The header carries the session's fence at that moment; a lower one here says that the report
    came late.
    """

    receipt_id: UUID
    call_id: UUID
    idempotency_key: str
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    arguments_hash: str
    output_hash: str | None
    external_ref: str | None
    epoch: int
    fence: int


class CallSettled(Value, frozen=True):
    """Event: it is decided what became of a call, on the word of a receipt or of an operator.

    `phase_after` is the session's phase after it; `phase_conflict` tells that the call's commit
    found the session in a phase from which it could not advance, and moved nothing.
    """

    call_id: UUID
    tool: str
    outcome: ReceiptStatus
    commit_state: CommitState
    evidence_level: EvidenceLevel
    receipt_id: UUID | None
    settlement_id: UUID | None
    reason: str | None
    phase_after: str | None
    phase_conflict: bool
    remembered: CommittedMemory | None


class CallBecameUnknown(Value, frozen=True):
    """Event: nobody can say whether the call took effect; it keeps what it holds."""

    call_id: UUID
    tool: str
    why: str


class CallAbandoned(Value, frozen=True):
    """Event: the grant ran out and was never redeemed; the call never began and holds nothing."""

    call_id: UUID
    tool: str


class AskExpired(Value, frozen=True):
    """Event: nobody answered in time, which is a denial."""

    call_id: UUID
    tool: str
