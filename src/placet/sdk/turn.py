"""One model turn: every tool call proposed together, the granted ones run in order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.refusals import GovernanceUnavailable, Refusal
from placet.kernel.value import Value
from placet.replay.calls.model import ReasonView
from placet.replay.sessions.model import LeaseLost
from placet.sdk.answers import Prepared, ProposedCall
from placet.sdk.arguments import arguments_in
from placet.sdk.endpoints import ToolCall
from placet.sdk.errors import ApprovalPending, CallBlocked, GrantRefused, told
from placet.sdk.execution import run
from placet.sdk.permits import Permit, admit, alone, begin, decided, forgo
from placet.sdk.plan import Posture
from placet.sdk.reports import output_of, status_of
from placet.sdk.requests import as_tool_calls
from placet.sdk.session import Session
from placet.sdk.tool import Tool


class Ending(StrEnum):
    """How one call of a turn ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    WAITING = "waiting"
    NOT_RUN = "not_run"


class Outcome(Value, frozen=True):
    """What became of one tool call, with the text that goes back to the model."""

    tool_call_id: str
    tool: str
    ending: Ending
    text: str
    call_id: UUID | None = None
    reasons: list[ReasonView] = msgspec.field(default_factory=list)
    deadline: datetime | None = None

    def __repr__(self) -> str:
        """Show how it ended, without what the tool returned."""
        return f"Outcome({self.tool!r}, {self.ending.value}, call_id={self.call_id})"

    def message(self) -> dict[str, str]:
        """Return the chat message that answers the tool call."""
        return {"role": "tool", "tool_call_id": self.tool_call_id, "content": self.text}


Tools = Mapping[str, Callable[..., object]]
_MISSING: Final = "there is no such tool here"


async def run_turn(
    session: Session,
    tool_calls: Json | Sequence[ToolCall],
    tools: Tools,
    prepared: Prepared | None = None,
) -> list[Outcome]:
    """Propose the calls of one model turn and run the granted ones, one after the other.

    `tool_calls` is a chat completion, its message, its tool calls, or `ToolCall`s; `tools` maps
    names to callables; `prepared` is the preflight of the model's request, made here if none.
    Returns one outcome per call, in the order of the calls. What a tool raises is an outcome too.
    Raises the service's refusals where the turn as a whole could not be decided.
    """
    asked = as_tool_calls(tool_calls)
    wrapped = {name: Tool(function, name) for name, function in tools.items()}
    posture = session.posture_now()
    if posture is None:
        try:
            ready = prepared or await session.preflight(offered_tools=sorted(wrapped))
            proposal = await session.propose(ready, asked)
        except (GovernanceUnavailable, LeaseLost) as fault:
            posture = session.posture_alone(fault)
        else:
            found = [(call, decided(proposal, call), wrapped.get(call.name)) for call in asked]
            return [await _run_decided(session, *each) for each in found]
    return [await _run_alone(session, call, wrapped.get(call.name), posture) for call in asked]


async def _run_decided(
    session: Session, asked: ToolCall, call: ProposedCall, tool: Tool | None
) -> Outcome:
    told_of = _Told(asked=asked, call_id=call.call_id)
    try:
        admit(call, session.environment)
        arguments = arguments_in(asked.arguments)
        if tool is None or (misfit := tool.misfit(arguments)) is not None:
            await forgo(session, call, arguments)
            return told_of.not_run(_MISSING if tool is None else str(misfit))
        try:
            permit = await begin(session, call, arguments)
        except (GovernanceUnavailable, LeaseLost) as fault:
            permit = alone(session, tool.name, arguments, session.posture_alone(fault))
    except CallBlocked as stop:
        return told_of.blocked(stop.reasons)
    except ApprovalPending as stop:
        return told_of.waiting(stop)
    except (GrantRefused, Refusal, ForeignJsonError) as fault:
        return told_of.not_run(str(fault))
    return await _run(session, told_of, tool, permit)


async def _run_alone(
    session: Session, asked: ToolCall, tool: Tool | None, posture: Posture
) -> Outcome:
    told_of = _Told(asked=asked, call_id=None)
    if tool is None:
        return told_of.not_run(_MISSING)
    try:
        arguments = arguments_in(asked.arguments)
    except ForeignJsonError as fault:
        return told_of.not_run(str(fault))
    misfit = tool.misfit(arguments)
    if misfit is not None:
        return told_of.not_run(misfit)
    return await _run(session, told_of, tool, alone(session, tool.name, arguments, posture))


async def _run(session: Session, told_of: "_Told", tool: Tool, permit: Permit) -> Outcome:
    try:
        result = await run(session, tool, permit)
    except Exception as fault:  # noqa: BLE001 -- whatever a tool raises is told to the model
        return told_of.fell(fault)
    return told_of.did(result)


class _Told(Value, frozen=True):
    """Puts what became of one call into an outcome, with words for the model."""

    asked: ToolCall
    call_id: UUID | None

    def did(self, result: object) -> Outcome:
        text = result if isinstance(result, str) else output_of(result)
        return self._outcome(Ending.SUCCEEDED, str(result) if text is None else text)

    def fell(self, fault: Exception) -> Outcome:
        ending = Ending(status_of(fault).value)
        words = {Ending.FAILED: "failed", Ending.TIMED_OUT: "ran out of time"}
        what = words.get(ending, "has an unknown outcome; do not repeat it")
        return self._outcome(ending, f"`{self.asked.name}` {what}: {type(fault).__name__}: {fault}")

    def blocked(self, reasons: list[ReasonView]) -> Outcome:
        text = f"`{self.asked.name}` was blocked: {told(reasons)}"
        return msgspec.structs.replace(self._outcome(Ending.BLOCKED, text), reasons=reasons)

    def waiting(self, stop: ApprovalPending) -> Outcome:
        outcome = self._outcome(Ending.WAITING, str(stop))
        return msgspec.structs.replace(outcome, deadline=stop.deadline)

    def not_run(self, why: str) -> Outcome:
        return self._outcome(Ending.NOT_RUN, f"`{self.asked.name}` was not run: {why}")

    def _outcome(self, ending: Ending, text: str) -> Outcome:
        return Outcome(
            tool_call_id=self.asked.id,
            tool=self.asked.name,
            ending=ending,
            text=text,
            call_id=self.call_id,
        )
