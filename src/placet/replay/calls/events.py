"""What is said of calls in a session's stream. A body holds nothing that the database assigns."""

from datetime import datetime
from uuid import UUID

from msgspec import field

from placet.kernel.value import Value
from placet.replay.calls.attested import HostWord
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitState,
    EvidenceLevel,
    ReasonView,
    ReceiptStatus,
    Verdict,
)
from placet.replay.sessions.state import CommittedMemory


class RequestPrepared(Value, frozen=True):
    """Event: a model request was bound to the session's state. Hashes are hex.

    `tools` could be called then; a session that only records leaves in those that it names in
    `hidden` too.
    """

    prepared_request_id: UUID
    request_hash: str
    model: str | None
    offered_tools: list[str]
    tools: list[str]
    hidden: list[str] = field(default_factory=list)


class ProposalDecided(Value, frozen=True):
    """Event: a prepared request was consumed by a response with so many calls.

    `counting` are those that count from here on, `denied` those that a rule refused.
    """

    prepared_request_id: UUID
    request_hash: str
    proposal_hash: str
    calls: int
    granted: int
    counting: int = 0
    denied: int = 0


class Leaves(Value, frozen=True):
    """What a commit left for later rules: whether the call itself, its slots and envelopes."""

    is_remembered: bool
    slots: list[str]
    firsts: list[str]


class CallProposed(Value, frozen=True):
    """Event: a call was decided. A granted one `counts` from here on.

    In a session that only records, one counts that would have been granted. `phase_after` is the
    session's phase after it: another only for a call that commits at its grant; `left` then names
    what it left. The arguments stand in the call's row; here are their hash and, where the contract
    looks at the latest `repeats_max` calls, the one that like calls share. `standing` is the
    standing grant by which people had said yes to it before.
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
    counts: bool = False
    repeat: str | None = None
    repeats_max: int = 0
    left: Leaves | None = None
    standing: UUID | None = None


class CallsClaimed(Value, frozen=True):
    """Event: what waited in a step was decided again, because people said yes to some of it.

    `counting` are those of its calls that count from here on; `begins_step` tells that none of the
    step counted before.
    """

    claim_id: UUID
    prepared_request_id: UUID
    calls: int
    granted: int
    counting: int
    begins_step: bool


class CallClaimed(CallProposed, frozen=True):
    """Event: a call that had waited was decided again. A granted one `counts` from here on."""

    claim_id: UUID


class CallStarted(Value, frozen=True):
    """Event: a grant was redeemed, and the tool may have begun."""

    call_id: UUID
    start_id: UUID


class ReceiptReceived(Value, frozen=True):
    """Event: somebody reported what became of a call, under the fence named here.

    The header carries the session's fence at that moment; a lower one here says that the report
    came late. `attested_by` is the signed word of the tool's host, where it counted.
    `cost_micros` is what the reporter says that the call cost; `CallCosted` tells what counts.
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
    attested_by: HostWord | None = None
    cost_micros: int | None = None


class CallSettled(Value, frozen=True):
    """Event: it is decided what became of a call, on the word of a receipt or of an operator.

    `phase_after` is the session's phase after it; `phase_conflict` tells that the call's commit
    found the session in another phase than the one it was granted in, and moved nothing. `left` is
    there where it committed now. `step_ends` tells that every granted call of its response failed.
    `reconciled_by` is the call of the read by which the contract's rule settled it.
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
    left: Leaves | None = None
    step_ends: bool = False
    reconciled_by: UUID | None = None


class CallBecameUnknown(Value, frozen=True):
    """Event: nobody can say whether the call took effect; it keeps what it holds.

    `is_error` tells that its reporter called it a time-out, which the circuit breaker counts where
    the call is not counted yet.
    """

    call_id: UUID
    tool: str
    why: str
    is_error: bool = False


class FailureReported(Value, frozen=True):
    """Event: a call went wrong by a word that settles nothing; the circuit breaker counts it."""

    call_id: UUID
    tool: str


class CallCosted(Value, frozen=True):
    """Event: it became known, or was corrected, what a call cost, in millionths."""

    call_id: UUID
    tool: str
    micros: int
    before: int | None


class LimitReached(Value, frozen=True):
    """Event: a limit would have stopped the session, but it only records.

    `call_id` is the call at which it would have, where one did.
    """

    limit: str
    call_id: UUID | None = None


class UnguardedReported(Value, frozen=True):
    """Event: the agent told of calls without a grant, the first at `since` by its clock."""

    calls: int
    since: datetime | None = None


class CallAbandoned(Value, frozen=True):
    """Event: the call never began and holds nothing.

    Its grant ran out and was never redeemed; or, with a `receipt_id`, its tool's host signed that
    it was not let in and will not be.
    """

    call_id: UUID
    tool: str
    step_ends: bool = False
    receipt_id: UUID | None = None


class AskOpened(Value, frozen=True):
    """Event: people are asked about a call from now on, for so many seconds at most.

    Of a call that came by an edit, it is the time that was left to the one in whose place it came:
    null, since its deadline stands in that one's row.
    """

    call_id: UUID
    tool: str
    expires_seconds: int | None


class AskExpired(Value, frozen=True):
    """Event: nobody answered in time, which is a denial."""

    call_id: UUID
    tool: str
