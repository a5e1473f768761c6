"""An agent's process: `python -m placet.cli.demo.worker`, with its errand on standard input.

It governs its tools as any agent would, by `placet.sdk`. What is odd about it are its pauses: in
the middle of its last turn it waits for a line of input, so that somebody can freeze or kill it at
exactly that point. It ends when its input does.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from placet.cli.demo.errand import Attached, Errand, News, Pause, Ran, Refused, Reported, Waits
from placet.cli.demo.shop import Shop, StaleFence, Visit
from placet.cli.demo.turns import MODEL, TURNS, Turn, message_of
from placet.kernel.foreign import Json
from placet.kernel.refusals import Refusal
from placet.kernel.value import Value
from placet.replay.calls.model import ReceiptStatus
from placet.sdk.answers import Prepared, ProposedCall
from placet.sdk.arguments import arguments_in
from placet.sdk.client import Client
from placet.sdk.endpoints import Receipt, ToolCall
from placet.sdk.permits import decided
from placet.sdk.reports import NEVER_BEGUN
from placet.sdk.requests import as_tool_calls
from placet.sdk.session import Session
from placet.sdk.tool import ToolContext
from placet.sdk.turn import Tools

_SYSTEM: Final[Json] = {"role": "system", "content": "You are the refund desk of a shop."}


def say(news: News) -> None:
    """Tell whoever reads our output."""
    sys.stdout.buffer.write(msgspec.json.encode(news) + b"\n")
    sys.stdout.buffer.flush()


def wait_for_a_line() -> None:
    """Wait for a line of input; end the process where there will be none."""
    if not sys.stdin.buffer.readline():
        os._exit(0)


class Agent:
    """A refund desk's agent in one governed session."""

    def __init__(self, session: Session, shop: Shop) -> None:
        """Take the session and the shop that its tools work on."""
        self.session = session
        self.shop = shop
        self.messages: list[Json] = [_SYSTEM]
        self.pauses_before_receipt = False

    def tools(self) -> Tools:
        """Return the agent's tools by name."""
        return {"lookup_order": self.lookup_order, "issue_refund": self.issue_refund}

    def lookup_order(self, order_id: str, context: ToolContext) -> dict[str, str | int]:
        """Return an order."""
        return self.shop.look_up(self._visit(context), order_id)

    def issue_refund(
        self, order_id: str, amount_cents: int, context: ToolContext
    ) -> dict[str, str | int]:
        """Pay money back."""
        paid = self.shop.refund(self._visit(context), order_id, amount_cents)
        if self.pauses_before_receipt:
            say(Waits(call_id=context.call_id))
            wait_for_a_line()
        return paid

    async def take(self, turn: Turn) -> None:
        """Take one turn of the model as a whole: bind it, have it decided, run what may run."""
        prepared = await self._prepare(turn)
        outcomes = await self.session.run_turn(turn.completion, self.tools(), prepared)
        for asked, outcome in zip(as_tool_calls(turn.completion), outcomes, strict=True):
            say(
                Ran(
                    tool=asked.name,
                    arguments=asked.arguments,
                    ending=outcome.ending.value,
                    text=outcome.text,
                    call_id=outcome.call_id,
                    reasons=[reason.code for reason in outcome.reasons],
                )
            )
            self.messages.append({**outcome.message()})

    async def hold_and_insist(self, turn: Turn) -> None:
        """Get a grant, wait while holding it, and then act as if no time had passed.

        A well-behaved worker stops at the first no. This one tries every door, to show that each
        is shut.
        """
        prepared = await self._prepare(turn)
        proposal = await self.session.propose(prepared, turn.completion)
        (asked,) = as_tool_calls(turn.completion)
        call = decided(proposal, asked)
        fence, binding = _told_fence(self.session), self.session.lease.binding
        say(Waits(call_id=call.call_id))
        wait_for_a_line()
        try:
            await self.session.means.endpoints.start(
                self.session.session_id,
                binding,
                call_id=call.call_id,
                start_id=self.session.means.ids.new(),
            )
        except Refusal as no:
            say(Refused(by="service", code=no.code(), detail=no.detail))
        self._pay_anyway(asked, call, fence)
        try:
            self.session.check()
        except Refusal as no:
            say(Refused(by="client", code=no.code(), detail=no.detail))
        await self._report_never_begun(asked, call)

    def _pay_anyway(self, asked: ToolCall, call: ProposedCall, fence: str) -> None:
        visit = Visit(session_id=self.session.session_id, call_id=call.call_id, fence=fence)
        paid = msgspec.json.decode(asked.arguments, type=_RefundArguments)
        try:
            self.shop.refund(visit, paid.order_id, paid.amount_cents)
        except StaleFence as no:
            say(Refused(by="orders", code="stale_fence", detail=str(no)))

    async def _report_never_begun(self, asked: ToolCall, call: ProposedCall) -> None:
        answer = await self.session.receipt(
            Receipt(
                call_id=call.call_id,
                idempotency_key=str(self.session.means.ids.new()),
                status=ReceiptStatus.FAILED,
                arguments_hash=arguments_in(asked.arguments).hash,
                error=NEVER_BEGUN,
            )
        )
        say(Reported(status=ReceiptStatus.FAILED.value, late=answer.late))

    async def _prepare(self, turn: Turn) -> Prepared:
        if turn.customer is not None:
            self.messages.append({"role": "user", "content": turn.customer})
        prepared = await self.session.preflight(
            offered_tools=sorted(self.tools()), messages=list(self.messages), model=MODEL
        )
        self.messages.append(message_of(turn))
        return prepared

    def _visit(self, context: ToolContext) -> Visit:
        return Visit(
            session_id=self.session.session_id,
            call_id=context.call_id,
            fence=context.fence or _told_fence(self.session),
        )


class _RefundArguments(Value, frozen=True):
    order_id: str
    amount_cents: int


def _told_fence(session: Session) -> str:
    return f"{session.fence.epoch}.{session.fence.n}"


async def run(errand: Errand) -> None:
    """Do an errand: open or take over the session, take the turns, pause where it says."""
    *most, last = [TURNS[name] for name in errand.turns]
    async with Client(errand.url, errand.api_key) as client:
        opened = client.session(
            errand.session_id, ttl_seconds=errand.ttl_seconds, wait_seconds=errand.wait_seconds
        )
        async with opened as session:
            say(Attached(session_id=session.session_id, fence=_told_fence(session)))
            agent = Agent(session, Shop(Path(errand.orders)))
            for turn in most:
                await agent.take(turn)
            try:
                await _take_last(agent, last, errand.pause)
            except Refusal as no:
                say(Refused(by="service", code=no.code(), detail=no.detail))


async def _take_last(agent: Agent, turn: Turn, pause: Pause) -> None:
    match pause:
        case Pause.HOLDING_GRANT:
            await agent.hold_and_insist(turn)
            return
        case Pause.BEFORE_TURN:
            say(Waits())
            await asyncio.to_thread(wait_for_a_line)
        case Pause.BEFORE_RECEIPT:
            agent.pauses_before_receipt = True
        case Pause.NEVER:
            pass
    await agent.take(turn)


def main() -> None:
    """Read the errand and do it."""
    errand = msgspec.json.decode(sys.stdin.buffer.readline(), type=Errand)
    asyncio.run(run(errand))


if __name__ == "__main__":
    main()
