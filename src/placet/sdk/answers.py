"""What the service answers, as far as the client reads it. Other members are ignored.

The service's own answers hold envelopes, whose class brings the signature library with it; here a
grant stays the bytes that it came as. A test ties these to the service's.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.fields import Fence
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.replay.calls.model import (
    CallStatus,
    EvidenceLevel,
    HiddenTool,
    ReasonView,
    ReceiptStatus,
    Verdict,
)
from placet.replay.sessions.model import SessionMode

_NONE: Final = msgspec.Raw(b"null")


class SessionAnswer(Value, frozen=True):
    """One session as it is now. `pending` is null unless it was asked for."""

    session_id: UUID
    agent: str
    environment: Environment
    mode: SessionMode
    status: str
    tier: str | None = None
    compiled_session_hash: str | None = None
    contract_hash: str | None = None
    state_version: int
    control_revision: int
    current_phase: str | None = None
    created_at: datetime | None = None
    pending: list["PendingCall"] | None = None
    more_pending: bool = False
    fence: Fence | None = None
    lease_expires_at: datetime | None = None


class SeenReceipt(Value, frozen=True):
    """What somebody reported of a call, and how good that word is."""

    receipt_id: UUID
    status: ReceiptStatus
    evidence_level: EvidenceLevel
    late: bool = False
    conflicting: bool = False


class ReadToAsk(Value, frozen=True):
    """The read that tells what became of an unknown call; one granted before then does not count.

    `arguments` is null where no read can tell.
    """

    tool: str
    arguments: str | None = None
    not_before: datetime

    def __repr__(self) -> str:
        """Show the read without its arguments, which may hold what must not stand in a log."""
        return f"ReadToAsk({self.tool!r}, not_before={self.not_before})"


class PendingCall(Value, frozen=True):
    """A call that is not settled yet. `arguments` is JSON text, null where it is too long."""

    call_id: UUID
    tool: str
    status: str
    execution_state: str
    commit_state: str
    prepared_request_id: UUID
    tool_call_id: str
    arguments_hash: str
    arguments: str | None = None
    start_required: bool = False
    deadline: datetime | None = None
    grant_fence: Fence | None = None
    receipts: list[SeenReceipt] = msgspec.field(default_factory=list)
    reconcile: ReadToAsk | None = None

    def __repr__(self) -> str:
        """Show how it stands, without its arguments."""
        return f"PendingCall({self.tool!r}, {self.status}, call_id={self.call_id})"


class Prepared(Value, frozen=True):
    """A model request bound to the session's state: propose its tool calls with it, once."""

    prepared_request_id: UUID
    request_seq: int
    request_hash: str = ""
    expires_at: datetime
    tools: list[str]
    hidden: list[HiddenTool] = msgspec.field(default_factory=list)
    binding: str


class ProposedCall(Value, frozen=True):
    """One call of a proposal. `grant` is the signed envelope as it came, or JSON's null."""

    call_id: UUID
    tool_call_id: str
    tool: str
    verdict: Verdict
    status: CallStatus
    layer: int | None = None
    reasons: list[ReasonView] = msgspec.field(default_factory=list)
    start_required: bool = False
    arguments_hash: str | None = None
    grant: msgspec.Raw = _NONE
    grant_expires_at: datetime | None = None
    deadline: datetime | None = None
    cancel_safe: bool = False

    @property
    def has_grant(self) -> bool:
        """Tell whether a grant came with this answer."""
        return bytes(self.grant) != bytes(_NONE)

    def __repr__(self) -> str:
        """Show the call, and of its grant only that there is one."""
        grant = f", granted until {self.grant_expires_at}" if self.has_grant else ""
        return (
            f"ProposedCall({self.tool!r}, {self.verdict.value}, {self.status.value}, "
            f"call_id={self.call_id}{grant})"
        )


class EditedCall(ProposedCall, frozen=True):
    """A call that came by an edit: `edited` is the JSON text that it runs with."""

    edited: str


class Proposal(Value, frozen=True):
    """One answer per proposed call, in the order in which they were proposed."""

    request_seq: int
    state_version: int
    calls: list[ProposedCall]
    phase: str | None = None
    binding: str
    replayed: bool = False


class CallState(Value, frozen=True):
    """One call as it stands now, and what people said of it, if they were asked.

    `superseded_by` is the call that somebody put in its place, with other `arguments`.
    """

    call_id: UUID
    tool: str
    status: CallStatus
    ask: str | None = None
    ask_reasons: list[str] = msgspec.field(default_factory=list)
    may_be_claimed: bool = False
    deadline: datetime | None = None
    superseded_by: UUID | None = None
    arguments: str | None = None


class Claimed(Value, frozen=True):
    """What was decided of the calls that were claimed after a yes."""

    calls: list[ProposedCall]
    phase: str | None = None
    binding: str
    replayed: bool = False


class Started(Value, frozen=True):
    """The grant was redeemed: the tool may be begun now."""

    call_id: UUID
    execution_state: str
    started_at: datetime | None = None
    replayed: bool = False
    binding: str | None = None


class ReceiptAnswer(Value, frozen=True):
    """What the service made of a receipt."""

    receipt_id: UUID
    call_id: UUID
    call_status: str
    execution_state: str
    commit_state: str
    evidence_level: str
    late: bool = False
    conflicting: bool = False
    settled: bool = False
    state_version: int | None = None
    current_phase: str | None = None
    replayed: bool = False
    next: Prepared | None = None


class Settlement(Value, frozen=True):
    """A call that left `unknown`; where `outcome` is null, a read did not tell yet."""

    call_id: UUID
    call_status: str
    execution_state: str
    commit_state: str
    state_version: int
    outcome: ReceiptStatus | None = None


class OrphanKept(Value, frozen=True):
    """The receipt of a call that nobody knows is kept."""

    receipt_id: UUID
    call_id: UUID


class UnguardedTold(Value, frozen=True):
    """How many calls without a grant the session was told of in all."""

    session_id: UUID
    unguarded: int
