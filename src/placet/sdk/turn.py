"""One model turn: every tool call proposed together, the granted ones run in order."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.refusals import Action, GovernanceUnavailable, Refusal
from placet.kernel.value import Value
from placet.replay.calls.model import CallStatus
from placet.replay.sessions.refusals import LeaseLost
from placet.sdk.answers import EditedCall, Prepared, Proposal, ProposedCall
from placet.sdk.arguments import Arguments, arguments_in
from placet.sdk.asks import WAITING, answered
from placet.sdk.endpoints import NextRequest, ToolCall
from placet.sdk.errors import (
    ApprovalPending,
    CallBlocked,
    GrantRefused,
    JournalError,
    OutboxFull,
)
from placet.sdk.execution import Ahead, run
from placet.sdk.gate import Gate
from placet.sdk.giving_back import forgo, undisturbed
from placet.sdk.outbox import LOG
from placet.sdk.outcomes import Ending, Outcome, Told
from placet.sdk.permits import Permit, admit, alone, begin, decisions
from placet.sdk.plan import Posture
from placet.sdk.requests import as_tool_calls
from placet.sdk.session import Session
from placet.sdk.tool import Tool

Tools = Mapping[str, Callable[..., object]]
Then = Callable[[list[Outcome]], NextRequest]
"""Makes the model request that follows a turn out of its outcomes: see `requests.next_request`."""

_MISSING: Final = "there is no such tool here"

PREFLIGHTS_MAX: Final = 3
"""How often a turn without a model request of its own is prepared, where one does not hold."""


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
    Raises the service's refusals where the turn as a whole could not be decided, and none after
    that: a call whose answer by people could not be waited for is a `WAITING` outcome. Where the
    turn is cancelled, the granted calls that it did not come to are given back.
    """
    return await _run_turn(session, as_tool_calls(tool_calls), tools, prepared, None)


async def _run_turn(
    session: Session,
    asked: Sequence[ToolCall],
    tools: Tools,
    prepared: Prepared | None,
    following: "_Following | None",
) -> list[Outcome]:
    wrapped = {name: Tool(function, name) for name, function in tools.items()}
    posture = session.posture_now()
    if posture is None:
        try:
            proposal = await _decided(session, asked, wrapped, prepared)
        except (GovernanceUnavailable, LeaseLost, OutboxFull) as fault:
            posture = session.posture_alone(fault)
            await session.note_alone()
        else:
            is_ours = prepared is None or not proposal.replayed
            found = list(zip(asked, decisions(proposal, asked), strict=True))
            return await _Turn(session, wrapped, following, is_ours=is_ours).run(found)
    return [await _run_alone(session, call, wrapped.get(call.name), posture) for call in asked]


async def _decided(
    session: Session,
    asked: Sequence[ToolCall],
    tools: Mapping[str, Tool],
    prepared: Prepared | None,
) -> Proposal:
    async def regret(proposal: Proposal) -> None:
        found = list(zip(asked, decisions(proposal, asked), strict=True))
        is_ours = prepared is None or not proposal.replayed
        await _Turn(session, tools, None, is_ours=is_ours).forgo_all(found)

    attempts = 1 if prepared is not None else PREFLIGHTS_MAX
    while True:
        attempts -= 1
        ready = prepared or await session.preflight(offered_tools=sorted(tools))
        try:
            return await undisturbed(session, session.decide(ready, asked), regret)
        except Refusal as refusal:
            # Nothing was written; and no model was paid for this preflight.
            if refusal.action is not Action.NEW_PREFLIGHT or attempts <= 0:
                raise


class Step(Value, frozen=True):
    """A turn that was run, and the next model request, prepared.

    `prepared` is null where it could not be; a preflight of its own tells why.
    """

    outcomes: list[Outcome]
    prepared: Prepared | None


async def run_step(
    session: Session,
    tool_calls: Json | Sequence[ToolCall],
    tools: Tools,
    prepared: Prepared | None,
    then: Then,
) -> Step:
    """Run a turn as `run_turn` does, and prepare the model request that follows it.

    `then` makes that request out of the outcomes. Where the last thing of the turn is a receipt,
    the preflight goes along with it, and costs no round trip. What `then` raises is raised here,
    once the receipts are sent.
    """
    asked = as_tool_calls(tool_calls)
    following = _Following(then)
    outcomes = await _run_turn(session, asked, tools, prepared, following)
    ahead = following.ahead
    if ahead is not None and ahead.fault is not None:
        raise ahead.fault
    if ahead is not None and ahead.prepared is not None:
        return Step(outcomes=outcomes, prepared=ahead.prepared)
    request = following.request or then(outcomes)
    try:
        ready = await session.preflight(
            offered_tools=request.offered_tools,
            model=request.model,
            request_hash=request.request_hash,
        )
    except Refusal as refusal:
        LOG.info("the next request could not be prepared: %s", refusal)
        return Step(outcomes=outcomes, prepared=None)
    return Step(outcomes=outcomes, prepared=ready)


async def go_on(
    session: Session, tools: Tools, found: Sequence[tuple[ToolCall, ProposedCall]]
) -> list[Outcome]:
    """Wait for people to answer these calls of one response, and run what they approve.

    They are waited for up to `session.approval_seconds`. Returns one outcome per call, in order.
    """
    wrapped = {name: Tool(function, name) for name, function in tools.items()}
    return await _Turn(session, wrapped, None, is_ours=True).go_on(found)


class _Following:
    """The model request that follows a turn, and the run whose receipt it goes along with."""

    def __init__(self, then: Then) -> None:
        self._then = then
        self.ahead: Ahead | None = None
        self.request: NextRequest | None = None

    def after(self, outcomes: Callable[[object, Exception | None], list[Outcome]]) -> Ahead:
        """Return what goes along with the last run, out of whose end the outcomes follow."""

        def request(result: object, fault: Exception | None) -> NextRequest:
            self.request = self._then(outcomes(result, fault))
            return self.request

        self.ahead = Ahead(request)
        return self.ahead


class _Turn:
    """A turn that was decided. What it does not begin is given back if the answer is ours."""

    def __init__(
        self,
        session: Session,
        tools: Mapping[str, Tool],
        following: _Following | None,
        *,
        is_ours: bool,
    ) -> None:
        self._following = following
        self._session = session
        self._tools = tools
        self._is_ours = is_ours

    async def run(self, found: Sequence[tuple[ToolCall, ProposedCall]]) -> list[Outcome]:
        outcomes = await self._run_all(dict(enumerate(found)), {})
        # What needs nobody ran first: its grants end sooner than people answer.
        waiting = {
            at: each for at, each in enumerate(found) if outcomes[at].ending is Ending.WAITING
        }
        if waiting and self._session.approval_seconds > 0:
            try:
                outcomes |= await self._go_on(waiting, outcomes)
            except (Refusal, OutboxFull) as stop:
                # What ran is told all the same: a turn that raises would be run again.
                LOG.warning("calls of a turn still wait for people: %s", stop)
        return [outcomes[at] for at in range(len(found))]

    async def go_on(self, waiting: Sequence[tuple[ToolCall, ProposedCall]]) -> list[Outcome]:
        outcomes = await self._go_on(dict(enumerate(waiting)), {})
        return [outcomes[at] for at in range(len(waiting))]

    async def _go_on(
        self, waiting: Mapping[int, tuple[ToolCall, ProposedCall]], before: Mapping[int, Outcome]
    ) -> dict[int, Outcome]:
        calls = [call for _, call in waiting.values()]
        told = await answered(self._session, calls, self._session.approval_seconds)
        again = {
            at: (_edited(asked, call), call)
            for (at, (asked, _)), call in zip(waiting.items(), told, strict=True)
        }
        return await self._run_all(again, before)

    async def _run_all(
        self, found: Mapping[int, tuple[ToolCall, ProposedCall]], before: Mapping[int, Outcome]
    ) -> dict[int, Outcome]:
        """Return an outcome for each place; `before` are those that the turn has already."""
        done: dict[int, Outcome] = {}
        last = None if self._following is None else _last_to_run(found)
        # What does not run ends before the last that does: its receipt tells of the whole turn.
        order = [at for at in found if at != last] + ([] if last is None else [last])
        try:
            for at in order:
                others = {**before, **done} if at == last else None
                done[at] = await self._run_decided(at, *found[at], others)
        finally:
            if left := [found[at] for at in order if at not in done]:
                giving_back = asyncio.ensure_future(self.forgo_all(left))
                self._session.outlive(giving_back)
                await asyncio.shield(giving_back)
        return done

    async def forgo_all(self, left: Sequence[tuple[ToolCall, ProposedCall]]) -> None:
        for asked, call in left:
            if call.status is CallStatus.GRANTED:
                await self._forgo(call, arguments_in(asked.arguments))

    async def _forgo(self, call: ProposedCall, arguments: Arguments) -> None:
        await forgo(self._session, call, arguments, is_ours=self._is_ours)

    async def _run_decided(
        self, at: int, asked: ToolCall, call: ProposedCall, others: dict[int, Outcome] | None
    ) -> Outcome:
        told_of = Told(asked=asked, call_id=call.call_id)
        tool = self._tools.get(asked.name)
        try:
            admit(call, self._session.environment)
            arguments = arguments_in(asked.arguments)
            if tool is None or (misfit := tool.misfit(arguments)) is not None:
                await self._forgo(call, arguments)
                return told_of.not_run(_MISSING if tool is None else str(misfit))
            permit = await begin(self._session, call, arguments, is_ours=self._is_ours)
        except CallBlocked as stop:
            return told_of.blocked(stop.reasons)
        except ApprovalPending as stop:
            return told_of.waiting(stop)
        except (GrantRefused, JournalError, OutboxFull, Refusal, ForeignJsonError) as fault:
            return told_of.not_run(str(fault))
        ahead = None
        if others is not None and self._following is not None:
            ahead = self._following.after(_filling(others, at, told_of, permit))
        return await _run(self._session, told_of, tool, permit, ahead)


def _edited(asked: ToolCall, call: ProposedCall) -> ToolCall:
    """Return the call with the arguments that people put in the place of the model's."""
    if not isinstance(call, EditedCall):
        return asked
    return msgspec.structs.replace(asked, arguments=call.edited)


def _last_to_run(found: Mapping[int, tuple[ToolCall, ProposedCall]]) -> int | None:
    """Return the place of the last call that is granted, unless some wait for people after it."""
    if any(call.status in WAITING for _, call in found.values()):
        return None
    granted = (at for at, (_, call) in found.items() if call.status is CallStatus.GRANTED)
    return max(granted, default=None)


def _filling(
    others: Mapping[int, Outcome], at: int, told_of: Told, permit: Permit
) -> Callable[[object, Exception | None], list[Outcome]]:
    """Return what makes all outcomes of a turn out of the end of its last call."""

    def outcomes(result: object, fault: Exception | None) -> list[Outcome]:
        ended = (
            told_of.did(result) if fault is None else told_of.fell(fault, is_grave=permit.is_grave)
        )
        return [outcome for _, outcome in sorted({**others, at: ended}.items())]

    return outcomes


async def _run_alone(
    session: Session, asked: ToolCall, tool: Tool | None, posture: Posture
) -> Outcome:
    told_of = Told(asked=asked, call_id=None)
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


async def _run(
    session: Session, told_of: Told, tool: Tool, permit: Permit, ahead: Ahead | None = None
) -> Outcome:
    gate = Gate()
    try:
        result = await run(session, tool, permit, gate, ahead)
    except Exception as fault:  # noqa: BLE001 -- whatever a tool raises is told to the model
        if gate.shut():
            return told_of.not_run(str(fault))
        return told_of.fell(fault, is_grave=permit.is_grave)
    return told_of.did(result)
