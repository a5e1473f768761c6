"""What is asked and answered about calls over HTTP."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from placet.evidence.dsse import Envelope
from placet.evidence.fields import HexDigest
from placet.kernel.value import Input, Value
from placet.replay.calls.attested import Attestation, AttestationFate
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitState,
    CostMicros,
    EvidenceLevel,
    ExecutionState,
    HiddenTool,
    ReasonView,
    ReceiptStatus,
    Stop,
    Verdict,
)

Text = Annotated[str, msgspec.Meta(max_length=2_000)]


class PrepareRequest(Input, frozen=True):
    """Bind a model request to the session. `request_hash` is the caller's hash of it, in hex."""

    request_hash: HexDigest
    model: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    offered_tools: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=128)]],
        msgspec.Meta(max_length=1_000),
    ] = msgspec.field(default_factory=list)


class Prepared(Value, frozen=True):
    """A prepared request, and which of the offered tools could pass now.

    In a session that only records, `tools` are all of them, and `hidden` what it would have hidden.
    """

    prepared_request_id: UUID
    request_seq: int
    request_hash: str
    expires_at: datetime
    tools: list[str]
    hidden: list[HiddenTool]
    state_version: int
    control_revision: int
    binding: str


class CallOutcome(Value, frozen=True):
    """What became of one proposed call. `grant` is there for a granted call that may still run.

    `cancel_safe` tells that the contract lets a tool that has begun be cancelled.
    """

    call_id: UUID
    tool_call_id: str
    tool: str
    verdict: Verdict
    status: CallStatus
    layer: int | None
    reasons: list[ReasonView]
    blocked_why: BlockedWhy | None
    arguments_hash: str
    start_required: bool
    grant: Envelope | None
    grant_expires_at: datetime | None
    deadline: datetime | None
    cancel_safe: bool = False


class ProposalAnswer(Value, frozen=True):
    """One outcome per proposed call, in order; and the limit that stopped the session, if any."""

    prepared_request_id: UUID
    request_seq: int
    state_version: int
    control_revision: int
    phase: str | None
    calls: list[CallOutcome]
    binding: str
    replayed: bool
    stopped: Stop | None = None


class StartCall(Input, frozen=True):
    """Redeem a grant. The same `start_id` again is the same start."""

    start_id: UUID


class Started(Value, frozen=True):
    """The grant was redeemed: begin the tool now."""

    call_id: UUID
    execution_state: ExecutionState
    started_at: datetime
    replayed: bool
    binding: str


class ReportReceipt(Input, frozen=True):
    """Report what became of a call. `output` is JSON text; `arguments_hash` of what really ran.

    `cost_micros` is what the call cost, in millionths; a later word corrects an earlier one. `next`
    is the preflight of the next model request, made in the same commit.
    With an `attestation` the report is not the caller's own word alone.
    """

    call_id: UUID
    idempotency_key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    status: ReceiptStatus
    arguments_hash: HexDigest
    output: str | None = None
    external_ref: Text | None = None
    error: Text | None = None
    started_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    completed_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    cost_micros: CostMicros | None = None
    attestation: Attestation | None = None
    next: PrepareRequest | None = None


class ReceiptAnswer(Value, frozen=True):
    """The receipt is kept; this is where its call stands now, and what stopped the session.

    `next` is the prepared request that was asked for; null where it was refused, which a preflight
    of its own explains.
    """

    receipt_id: UUID
    call_id: UUID
    call_status: CallStatus
    execution_state: ExecutionState
    commit_state: CommitState
    evidence_level: EvidenceLevel
    late: bool
    conflicting: bool
    settled: bool
    state_version: int
    current_phase: str | None
    replayed: bool
    stopped: Stop | None = None
    attestation: AttestationFate | None = None
    next: Prepared | None = None


class SettleCall(Input, frozen=True):
    """Say what became of a call: an operator with a reason, or the holder citing a receipt.

    Or cite the call of a read in `reconciled_by`: then the contract's rule says what its output
    means, and `outcome` may be left out.
    """

    settlement_id: UUID
    call_id: UUID
    outcome: ReceiptStatus | None = None
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
    receipt_id: UUID | None = None
    reconciled_by: UUID | None = None


class SettlementAnswer(Value, frozen=True):
    """The call is settled; or `outcome` is null, a read did not tell yet, and all is as it was."""

    settlement_id: UUID
    call_id: UUID
    call_status: CallStatus
    execution_state: ExecutionState
    commit_state: CommitState
    evidence_level: EvidenceLevel
    state_version: int
    current_phase: str | None
    replayed: bool
    stopped: Stop | None = None
    outcome: ReceiptStatus | None = None
