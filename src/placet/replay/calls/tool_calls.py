"""The tool calls of a response: as they come, as they are decided, and as they are kept."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence.fields import HexDigest
from placet.kernel import foreign
from placet.kernel.hashing import digest
from placet.kernel.ids import Ids
from placet.kernel.refusals import MalformedBody
from placet.kernel.value import Input, Value
from placet.policy.holding import Holding
from placet.policy.response import CallVerdict
from placet.replay.calls.model import (
    BlockedWhy,
    CallStatus,
    CommitNeed,
    CommitState,
    ReasonView,
    Stop,
    Verdict,
)
from placet.replay.calls.next_call import NOTHING_LEFT, Left
from placet.replay.sessions.state import SessionState

CALLS_MAX: Final = 128


ToolName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class ToolCall(Input, frozen=True):
    """One tool call of a chat completion, as the model wrote it."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    name: ToolName
    arguments: str


class ProposeCalls(Input, frozen=True):
    """A model's response to a prepared request: its tool calls, in order; none is a text answer."""

    prepared_request_id: UUID
    request_hash: HexDigest
    tool_calls: Annotated[list[ToolCall], msgspec.Meta(max_length=CALLS_MAX)]


class CallRow(Value, frozen=True):
    """A call as `propose_v1` takes it. Bytes are hex text as Postgres reads it.

    `standing_id` is the standing grant that answered its ask, `standing_seen` are those of its tool
    that were looked at.
    """

    call_id: UUID
    ordinal: int
    tool_call_id: str
    tool_name: str
    arguments_hash: str
    arguments: str
    verdict: Verdict
    layer: int | None
    reasons: list[ReasonView]
    blocked_why: BlockedWhy | None
    effect_key: str | None
    commit_requirement: CommitNeed
    start_required: bool
    commit_state: CommitState
    status: CallStatus
    ask_seconds: int | None
    grant_ms: int
    counts: bool
    standing_id: UUID | None = None
    standing_seen: list[UUID] = msgspec.field(default_factory=list)


class KeptOutcome(Value, frozen=True):
    """What is kept of a decided call, so that the first answer can be given again."""

    call_id: UUID
    tool_call_id: str
    tool: str
    server: str | None
    tool_schema_hash: str | None
    arguments_hash: str
    verdict: Verdict
    status: CallStatus
    layer: int | None
    reasons: list[ReasonView]
    blocked_why: BlockedWhy | None
    start_required: bool
    grant_ms: int
    ask_seconds: int | None
    cancel_safe: bool = False


class KeptAnswer(Value, frozen=True):
    """The first answer to a proposal, without its grants."""

    phase: str | None
    calls: list[KeptOutcome]
    stop: Stop | None = None


class DecidedProposal(Value, frozen=True):
    """A proposal, decided on one version of the facts, good between `holds_from` and `_until`.

    `holdings` are what the calls hold that count from here on, by the call's id; `verdicts` what
    was said of each call, in their order.
    """

    rows: list[CallRow]
    answer: KeptAnswer
    said: list[Value]
    state: SessionState
    closes: bool
    granted: int
    holds_from: datetime | None
    holds_until: datetime | None
    holdings: dict[UUID, Holding] = msgspec.field(default_factory=dict)
    verdicts: tuple[CallVerdict, ...] = ()
    left: Left = NOTHING_LEFT
    stop: Stop | None = None


class Proposed(Value, frozen=True):
    """What was proposed: the request it answers, its own hash, and the calls with their new ids."""

    prepared_request_id: UUID
    request_hash: str
    proposal_hash: bytes
    calls: list[tuple[UUID, ToolCall]]


def read_proposal(asked: ProposeCalls, raw: bytes, ids: Ids) -> Proposed:
    """Return the proposal with an id for each call; its hash is over the body as it came.

    Refuses `malformed_body` where two calls of a response go by one id: nobody could tell which
    of them an answer is about.
    """
    seen: set[str] = set()
    for place, call in enumerate(asked.tool_calls):
        if call.id in seen:
            where = {"pointer": f"/tool_calls/{place}/id", "detail": "another call has this id"}
            raise MalformedBody(detail="two tool calls have the same id", errors=[where])
        seen.add(call.id)
    return Proposed(
        prepared_request_id=asked.prepared_request_id,
        request_hash=asked.request_hash,
        proposal_hash=digest("proposal", foreign.encode(foreign.parse(raw))),
        calls=[(ids.new(), call) for call in asked.tool_calls],
    )
