"""What is asked and answered about claims over HTTP."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.ask_vote import AskReason
from placet.kernel.value import Input, Value
from placet.replay.asks.model import AskStatus
from placet.replay.calls.answers import CallOutcome
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitState,
    ExecutionState,
    ReasonView,
)

WAIT_SECONDS_MAX: Final = 30


class ClaimCall(Input, frozen=True):
    """Claim a call that people said yes to. The same `claim_id` again is the same claim."""

    claim_id: UUID


class ClaimAnswer(Value, frozen=True):
    """What was decided of the calls that were claimed, in the order of their response.

    Where a response is granted as a whole, these are all calls of it that had waited.
    """

    claim_id: UUID
    request_seq: int
    state_version: int
    control_revision: int
    phase: str | None
    calls: list[CallOutcome]
    binding: str
    replayed: bool


class CallQuery(Input, frozen=True):
    """How many seconds to wait for an answer to a call that people are asked about."""

    wait: Annotated[int, msgspec.Meta(ge=0, le=WAIT_SECONDS_MAX)] = 0


class CallView(Value, frozen=True):
    """A call as it stands now.

    `superseded_by` is the call that somebody put in its place with other `arguments`, which are
    told of such a call, and to the keys that run the agent alone: they are what it has to run with.

    `ask` is what people have said of it, null for a call that they were never asked about, and
    `ask_reasons` are the reasons that they gave. It `may_be_claimed` once they have said yes to it,
    and, where a response is granted as a whole, to every other call of it that asks.
    """

    call_id: UUID
    tool_call_id: str
    tool: str
    status: CallStatus
    execution_state: ExecutionState
    commit_state: CommitState
    reasons: list[ReasonView]
    blocked_why: BlockedWhy | None
    arguments_hash: str
    deadline: datetime | None
    ask: AskStatus | None
    ask_reasons: list[AskReason]
    may_be_claimed: bool
    superseded_by: UUID | None = None
    arguments: str | None = None
