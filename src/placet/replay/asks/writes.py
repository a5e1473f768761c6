"""What the functions of asks and claims are given to write."""

from uuid import UUID

import msgspec

from placet.events.model import NewEvent
from placet.evidence.ask_vote import AskDecision
from placet.kernel.ids import ActorId
from placet.kernel.value import Value
from placet.replay.asks.deciding import ClaimedRow
from placet.replay.asks.model import AskStatus, EditedCall
from placet.replay.calls.next_call import NOTHING_LEFT, Left


class AskedWrite(Value, frozen=True):
    """What a vote makes of one call: decided on so many earlier votes. Bytes are hex text."""

    call_id: UUID
    status: AskStatus
    view: str
    view_hash: str
    seen: int


class VoteWrite(Value, frozen=True):
    """Everything that `ask_vote_v1` writes. `is_whole` says that the step is decided as a whole."""

    session_id: UUID
    voter_id: ActorId
    vote_id: UUID
    decision: AskDecision
    key_id: str
    envelope: bytes
    reason: str | None
    is_whole: bool
    calls: list[AskedWrite]
    events: list[NewEvent]


class EditWrite(Value, frozen=True):
    """Everything that `ask_edit_v1` writes, decided on `seen` votes on the call."""

    session_id: UUID
    call_id: UUID
    new_call_id: UUID
    ordinal: int
    seen: int
    reason: str
    edited: EditedCall
    events: list[NewEvent]


class ClaimWrite(Value, frozen=True):
    """Everything that `claim_v1` writes; without rows it only asks on what to decide."""

    call_id: UUID
    claim_id: UUID
    approved: list[UUID] = msgspec.field(default_factory=list)
    rows: list[ClaimedRow] = msgspec.field(default_factory=list)
    answer: bytes = b""
    state: bytes = b""
    phase: str | None = None
    closes: bool = False
    granted: int = 0
    left: Left = NOTHING_LEFT
    events: list[NewEvent] = msgspec.field(default_factory=list)
