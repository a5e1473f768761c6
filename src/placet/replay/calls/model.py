"""A prepared request, its pending calls and their receipts: what they are and their states."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.events.model import StreamId
from placet.kernel.hashing import digest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.value import Value

CostMicros = Annotated[int, msgspec.Meta(ge=0, le=2**40)]
"""What one call cost, in millionths: about a million units at most."""


ERASED: Final = b"{}"
"""What stands for arguments and kept answers that were erased; arguments keep their own hash."""

_HASH_OF_NOTHING: Final = digest("arguments", ERASED)


class CallStatus(StrEnum):
    """Where a pending call stands."""

    BLOCKED = "blocked"
    HELD = "held"
    AWAITING_APPROVAL = "awaiting_approval"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    GRANTED = "granted"
    UNKNOWN = "unknown"
    SETTLED = "settled"
    ABANDONED = "abandoned"
    SHADOWED = "shadowed"


class ExecutionState(StrEnum):
    """What is known of the execution."""

    NOT_STARTED = "not_started"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class CommitState(StrEnum):
    """Whether the call's effect on the session's facts has been taken over."""

    NOT_REQUIRED = "not_required"
    AWAITING_EVIDENCE = "awaiting_evidence"
    COMMITTED = "committed"
    REFUSED = "refused"


class BlockedWhy(StrEnum):
    """Why a call was blocked for good."""

    RULE = "rule"
    RESPONSE_REFUSED = "response_refused"
    PHASE_CONFLICT = "phase_conflict"
    RACE = "race"


class Verdict(StrEnum):
    """What the policy says of one call, before its neighbours in the response are looked at."""

    ALLOW = "allow"
    DENY = "deny"
    ASK = "ask"


class EvidenceLevel(StrEnum):
    """How good the word for an outcome is, weakest first. The server computes it."""

    NONE = "none"
    MODEL_CLAIMED = "model_claimed"
    CLIENT_REPORTED = "client_reported"
    EXECUTOR_ATTESTED = "executor_attested"
    EXTERNALLY_VERIFIED = "externally_verified"


class ReceiptStatus(StrEnum):
    """What a receipt says became of the call."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"


class CommitNeed(StrEnum):
    """Whether a call's success must be acknowledged before it counts as committed."""

    ACKNOWLEDGED = "acknowledged"
    NONE = "none"


class ReasonView(Value, frozen=True):
    """Why a call was not simply allowed: a stable code, the rule, and words."""

    code: str
    rule: str
    detail: str


class HiddenTool(Value, frozen=True):
    """A tool that could not be called now, and why."""

    tool: str
    code: str
    detail: str


class ModelRequest(Value, frozen=True):
    """The model request that a preflight stands for."""

    model: str | None
    offered_tools: list[str]


class Narrowing(Value, frozen=True):
    """Which of the offered tools could pass now, and why the others could not."""

    tools: list[str]
    hidden: list[HiddenTool]


class ReplayPreparedRequest(Value, frozen=True):
    """A request bound to the state before money is spent on a model. Single use.

    `state_version` is the one it was made at; `decided_version` the one its proposal was decided
    at. `answer` is the first answer to the proposal, `proposal_hash` what was asked.
    """

    tenant_id: TenantId
    session_id: StreamId
    prepared_request_id: UUID
    request_seq: int
    state_version: int
    control_epoch: int
    control_revision: int
    request_hash: bytes
    prepared_request_json: ModelRequest
    narrowing_json: Narrowing
    created_at: datetime
    expires_at: datetime
    consumed_at: datetime | None
    consumed_epoch: int | None
    consumed_fence: int | None
    consumed_holder: str | None
    decided_version: int | None
    proposal_hash: bytes | None
    answer: bytes | None


class ReplayPendingCall(Value, frozen=True):
    """A proposed tool call. `arguments` is the JSON text as it was proposed, in foreign form.

    The grant's columns are set when it is granted, and never again: a replay extends nothing. It
    `counts`, so that limits and series see it, from its grant until a failure is settled; in a
    session that only records, what would have been granted counts. `phase_at_grant` was the phase.
    """

    tenant_id: TenantId
    session_id: StreamId
    call_id: UUID
    prepared_request_id: UUID
    step_id: int
    ordinal: int
    tool_call_id: str
    tool_name: str
    arguments_hash: bytes
    arguments: bytes
    verdict: Verdict
    layer: int | None
    reasons: list[ReasonView]
    blocked_why: BlockedWhy | None
    effect_key: bytes | None
    commit_requirement: CommitNeed
    start_required: bool
    evidence_level: EvidenceLevel
    execution_state: ExecutionState
    commit_state: CommitState
    status: CallStatus
    proposed_at: datetime
    deadline_at: datetime | None
    granted_at: datetime | None
    grant_expires_at: datetime | None
    grant_epoch: int | None
    grant_fence: int | None
    grant_control_epoch: int | None
    grant_control_revision: int | None
    start_id: UUID | None
    started_at: datetime | None
    settled_at: datetime | None
    committed_at: datetime | None
    settled_by: UUID | None
    counts: bool
    phase_at_grant: str | None
    cost_micros: int | None

    @property
    def is_erased(self) -> bool:
        """Tell whether the arguments were erased."""
        return self.arguments == ERASED and self.arguments_hash != _HASH_OF_NOTHING

    @property
    def due_at(self) -> datetime | None:
        """Return when something must become of an open call, if anything must."""
        match self.status:
            case CallStatus.GRANTED:
                return self.grant_expires_at
            case CallStatus.AWAITING_APPROVAL:
                return self.deadline_at
            case _:
                return None


class ReplayExecutionReceipt(Value, frozen=True):
    """A report of what became of a call, kept whatever it says and whenever it comes.

    `started_at` and `completed_at` are the reporter's own times; `epoch` and `fence` those it
    reported under, zero when it named none. `cost_micros` is what it says that the call cost.
    `attested_by` is the id of the host's key whose signed word it brought, if that counted when it
    came.
    """

    tenant_id: TenantId
    session_id: StreamId
    receipt_id: UUID
    pending_call_id: UUID
    idempotency_key: str
    fingerprint: bytes
    tool_name: str
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    arguments_hash: bytes
    output_hash: bytes | None
    output: bytes | None
    external_ref: str | None
    error: str | None
    started_at: datetime | None
    completed_at: datetime | None
    epoch: int
    fence: int
    late: bool
    conflicting: bool
    reported_by: ActorId
    received_at: datetime
    cost_micros: int | None
    attested_by: str | None


class ReplayEffectKey(Value, frozen=True):
    """An effect that may happen once: taken by a granted call, freed by an evidenced failure."""

    tenant_id: TenantId
    session_id: StreamId
    call_id: UUID
    agent: str
    environment: Environment
    tool_name: str
    effect_key: bytes
    taken_at: datetime
    released_at: datetime | None


class ReplaySettlement(Value, frozen=True):
    """Who took a call out of `granted` or `unknown`, on what evidence and why.

    `reconciled_by` is the call of the read that told of it, where the contract's rule settled it.
    """

    tenant_id: TenantId
    session_id: StreamId
    settlement_id: UUID
    call_id: UUID
    outcome: ReceiptStatus
    receipt_id: UUID | None
    evidence_level: EvidenceLevel
    reason: str
    settled_by: ActorId
    settled_at: datetime
    reconciled_by: UUID | None = None


class Stop(Value, frozen=True):
    """The contract's limit that stops a session, and the call that reached it."""

    limit: str
    call_id: UUID


class KeptKind(StrEnum):
    """What a commit left: a call that rules require, the value of a slot, an envelope's first."""

    MEMORY = "memory"
    SLOT = "slot"
    FIRST = "first"


class ReplayKept(Value, frozen=True):
    """What a committed call left for the rules of later ones, under the number of its commit.

    `name` is the tool, the slot or the envelope; `value` is JSON text.
    """

    tenant_id: TenantId
    session_id: StreamId
    kind: KeptKind
    name: str
    number: int
    call_id: UUID
    value: bytes
    kept_at: datetime


class ReplayAmount(Value, frozen=True):
    """What a call gives to an aggregate: open until it is committed, nothing once released.

    `value` is a number as text, or the digest of a value in hex.
    """

    tenant_id: TenantId
    session_id: StreamId
    call_id: UUID
    name: str
    value: str
    opened_at: datetime
    committed_at: datetime | None
    released_at: datetime | None
