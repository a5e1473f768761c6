"""What the hot functions take: who calls, what was decided, and everything that is written."""

from datetime import datetime
from uuid import UUID

from placet.events.model import NewEvent
from placet.evidence.fields import Fence
from placet.kernel.value import Value
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitState,
    EvidenceLevel,
    ExecutionState,
    ReceiptStatus,
    Stop,
)
from placet.replay.calls.next_call import NOTHING_LEFT, Left, NextCall
from placet.replay.calls.tool_calls import CallRow
from placet.replay.sessions.model import SessionStatus
from placet.tenancy.model import ParsedKey


class Caller(Value, frozen=True):
    """Who calls a hot function, on which session, as which holder under which fence."""

    key: ParsedKey
    session_id: UUID
    holder: str
    fence: Fence

    def arguments(self) -> tuple[object, ...]:
        """Return the first six arguments of every function that writes under a lease."""
        return (
            self.key.key_id,
            self.key.secret_hash,
            self.session_id,
            self.holder,
            self.fence.epoch,
            self.fence.n,
        )


class Decided(Value, frozen=True):
    """The version of the facts that something was decided on, and when the decision holds.

    `tools_told` is the control epoch at which killed tools were told of, null where none was.
    """

    version: int
    holds_from: datetime | None = None
    holds_until: datetime | None = None
    tools_told: int | None = None

    def arguments(self) -> tuple[object, ...]:
        """Return it as every function takes it that decides on facts."""
        return self.version, self.holds_from, self.holds_until, self.tools_told


class PreflightWrite(Value, frozen=True):
    """Everything that `preflight_v1` writes. The documents are JSON text."""

    prepared_request_id: UUID
    request_hash: bytes
    request: str
    narrowing: str
    ttl_seconds: int
    event: NewEvent

    def arguments(self) -> tuple[object, ...]:
        """Return the last arguments of every function that prepares a request."""
        event = self.event
        said = (event.event_id, event.type, event.salt, event.body)
        return self.request, self.narrowing, self.ttl_seconds, *said


class ProposalWrite(Value, frozen=True):
    """Everything that `propose_v1` writes."""

    prepared_request_id: UUID
    request_hash: bytes
    proposal_hash: bytes
    rows: list[CallRow]
    answer: bytes
    state: bytes
    phase: str | None
    closes: bool
    granted: int
    left: Left = NOTHING_LEFT
    stop: Stop | None = None
    events: list[NewEvent]

    @property
    def stands_alone(self) -> bool:
        """Say whether this locks, or ends, what other sessions may wait for."""
        takes = any(row.effect_key is not None or row.standing_id is not None for row in self.rows)
        is_wide = self.left.wide is not None or self.left.tallied is not None
        return takes or is_wide or self.closes or self.stop is not None


class ReceiptWrite(Value, frozen=True):
    """Everything that `receipt_v1` writes; `decided` is null when nothing may be settled."""

    call_id: UUID
    receipt_id: UUID
    idempotency_key: str
    fingerprint: bytes
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    arguments_hash: bytes
    output_hash: bytes | None
    output: bytes | None
    external_ref: str | None
    error: str | None
    started_at: datetime | None
    completed_at: datetime | None
    decided_version: int | None
    following: NextCall | None
    cost_micros: int | None = None
    events: list[NewEvent]

    @property
    def stands_alone(self) -> bool:
        """Say whether this gives back, or ends, what other sessions may wait for."""
        then = self.following
        if then is None:
            return False
        return then.frees_effect_key or then.stop is not None or then.session_status is not None


class SettlementWrite(Value, frozen=True):
    """Everything that `settle_v1` writes; `is_operator` is as whose word it was decided.

    `outcome` is null while a read was not judged yet that was cited.
    """

    settlement_id: UUID
    call_id: UUID
    outcome: ReceiptStatus | None
    receipt_id: UUID | None
    reason: str
    reconciled_by: UUID | None
    decided_version: int | None
    evidence_level: EvidenceLevel
    following: NextCall | None
    is_operator: bool
    events: list[NewEvent]


class SweptCall(Value, frozen=True):
    """A call that is overdue: where it stood when that was decided, and where it goes."""

    call_id: UUID
    was: CallStatus
    was_execution: ExecutionState
    status: CallStatus
    execution_state: ExecutionState
    commit_state: CommitState
    blocked_why: BlockedWhy | None = None
    frees_effect_key: bool = False
    settled_by: UUID | None = None
    evidence_level: EvidenceLevel | None = None


class SweepWrite(Value, frozen=True):
    """Everything that `sweep_v1` writes; `taken_due_at` is the date that this sweep took."""

    tenant_id: UUID
    session_id: UUID
    actor_id: UUID
    decided_version: int
    calls: list[SweptCall]
    state: bytes
    phase: str | None
    status: SessionStatus
    left: Left = NOTHING_LEFT
    stop: Stop | None = None
    taken_due_at: datetime
    events: list[NewEvent]
