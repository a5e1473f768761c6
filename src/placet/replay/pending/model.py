"""Open calls and their receipts as they are shown."""

from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from placet.evidence.fields import Fence
from placet.kernel.value import Input, Value
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitNeed,
    CommitState,
    EvidenceLevel,
    ExecutionState,
    ReasonView,
    ReceiptStatus,
)
from placet.replay.reconciliations.model import ReadToAsk
from placet.replay.sessions.model import SessionView

RECEIPTS_MAX: Final = 20
"""Receipts that are shown of one call, the first ones first."""

OUTPUT_BYTES_MAX: Final = 64 * 1024
"""Bytes of an output or of arguments that are shown; of longer ones the hash alone."""

PENDING_MAX: Final = 256
"""Open calls that are shown of one session, the first proposed first."""


class SessionQuery(Input, frozen=True):
    """What to read beside the session itself."""

    include: Literal["pending"] | None = None


class ReceiptView(Value, frozen=True):
    """What somebody reported of a call.

    `output` is JSON text, null also where it is too long, and for a key without `runtime`.
    """

    receipt_id: UUID
    idempotency_key: str
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    output: str | None
    output_hash: str | None
    external_ref: str | None
    error: str | None
    started_at: datetime | None
    completed_at: datetime | None
    fence: Fence
    late: bool
    conflicting: bool
    reported_by: UUID
    received_at: datetime


class PendingCallView(Value, frozen=True):
    """A call that may still change. `arguments` is the JSON text that was proposed.

    `arguments` is null where it is too long. A key without `runtime` reads `[redacted]` at the
    paths that the contract redacts.
    `grant_fence` and the control revisions are those that its grant was given under. `receipts` are
    the first ones that came, up to 20; the holder settles by citing one of them. `reconcile` is the
    read that tells of an unknown call, where the contract names one; the holder may have it
    governed and settle by citing it.
    """

    call_id: UUID
    prepared_request_id: UUID
    step_id: int
    ordinal: int
    tool_call_id: str
    tool: str
    arguments_hash: str
    arguments: str | None
    status: CallStatus
    execution_state: ExecutionState
    commit_state: CommitState
    commit_requirement: CommitNeed
    evidence_level: EvidenceLevel
    layer: int | None
    reasons: list[ReasonView]
    blocked_why: BlockedWhy | None
    effect_key: str | None
    start_required: bool
    proposed_at: datetime
    deadline: datetime | None
    granted_at: datetime | None
    grant_expires_at: datetime | None
    grant_fence: Fence | None
    grant_control_epoch: int | None
    grant_control_revision: int | None
    started_at: datetime | None
    receipts: list[ReceiptView]
    reconcile: ReadToAsk | None = None


class SessionWithPending(SessionView, frozen=True):
    """A session with the calls that may still change, for whoever takes over.

    `pending` has up to 256 of them, the first proposed first; `more_pending` says that there are
    others.
    """

    pending: list[PendingCallView] | None = None
    more_pending: bool = False
