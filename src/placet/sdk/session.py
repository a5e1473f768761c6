"""One governed session: its lease is kept, and its binding carried from request to request."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

import msgspec

from placet.kernel.foreign import Json
from placet.kernel.refusals import Action, Gone
from placet.replay.calls.model import CallStatus
from placet.replay.closings.model import CloseAnswer
from placet.replay.sessions.model import KillAnswer
from placet.replay.sessions.refusals import LeaseLost, SessionClosing
from placet.sdk.answers import (
    Claimed,
    Prepared,
    Proposal,
    ProposedCall,
    ReceiptAnswer,
    SessionAnswer,
    Settlement,
    Started,
)
from placet.sdk.aside import aside
from placet.sdk.endpoints import NextRequest, Owed, Receipt, Settle, ToolCall
from placet.sdk.errors import NoSessionError
from placet.sdk.holding import Holding
from placet.sdk.means import Means, Opening
from placet.sdk.requests import as_tool_calls, request_hash_of

if TYPE_CHECKING:
    from placet.sdk.calling import Calling
    from placet.sdk.govern import Governor
    from placet.sdk.outcomes import Outcome
    from placet.sdk.resuming import Resumed
    from placet.sdk.takeover import TakenOver
    from placet.sdk.turn import Step, Then, Tools

_current: Final[ContextVar["Session | None"]] = ContextVar("placet_session", default=None)


def current_session() -> "Session":
    """Return the session whose `async with` this code runs in. Raises `NoSessionError` outside."""
    session = _current.get()
    if session is None:
        message = "a governed tool is called inside `async with client.session():`"
        raise NoSessionError(message)
    return session


class Session(Holding):
    """A session of one agent, held by this process. Made by `Client.session`.

    `async with` takes the lease, renews it from a thread, and gives it back. What begins something
    (`preflight`, `propose`, `start`, and every governed call) raises `LeaseLost` once two thirds
    of the lease have passed without a renewal, or the session is being left; what reports is
    always sent. What asks for a grant raises `OutboxFull` where too many receipts are owed.

    A call that people are asked about raises `ApprovalPending`, or is a `WAITING` outcome of its
    turn. With `approval_seconds` set it is waited for, so long, and claimed and run after a yes.
    """

    def __init__(self, means: Means, opening: Opening) -> None:
        """Take what the client works with, and which session is wanted."""
        super().__init__(means, opening)
        self.approval_seconds = 0.0
        self.taken_over: TakenOver | None = None
        self._outer: Session | None = None

    async def __aenter__(self) -> Self:
        """Open or find the session and take its lease. Raises as `attach.attach` does.

        Where nobody answers, or nothing is approved, and the environment lets tools run all the
        same, the session is entered without the service.
        """
        await super().__aenter__()
        if self.has_journal and self._opening.session_id is not None:
            try:
                self.taken_over = await self.take_over()
            except BaseException:
                await super().__aexit__(None, None, None)
                raise
        self._outer = _current.get()
        _current.set(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Begin nothing more, wait for tools that still run, deliver, and give the lease back."""
        _current.set(self._outer)
        await super().__aexit__(kind, fault, trace)

    async def state(self, *, pending: bool = False) -> SessionAnswer:
        """Return the session as it is now, with its open calls if `pending`."""
        return await self.means.endpoints.session(self.session_id, pending=pending)

    async def preflight(
        self,
        *,
        offered_tools: Sequence[str],
        messages: Json = None,
        model: str | None = None,
        request_hash: str | None = None,
    ) -> Prepared:
        """Bind a model request to the present state, before it is paid for.

        `messages` are those of the request: only their digest is sent. Offer the model the
        answer's `tools`, not `offered_tools`. Give `request_hash` instead if you have one.
        """
        self.check()
        self.means.telling.saw(offered_tools)
        bound_to = request_hash or request_hash_of(messages, model, offered_tools)
        sent = self.means.clock.monotonic()
        with self._listening():
            prepared = await self.means.endpoints.preflight(
                self.session_id,
                self.lease.binding,
                request_hash=bound_to,
                model=model,
                offered_tools=offered_tools,
            )
        self.lease.bind(prepared.binding, sent)
        return msgspec.structs.replace(prepared, request_hash=bound_to)

    async def propose(self, prepared: Prepared, tool_calls: Json | Sequence[ToolCall]) -> Proposal:
        """Have the model's tool calls decided, all together. A prepared request serves once.

        `tool_calls` is a chat completion, its message, its list of tool calls, or `ToolCall`s. A
        denial is no error: each call has its verdict, its status and its reasons. What is granted
        is yours to run: a journal takes it for begun from here on.
        """
        proposal = await self.decide(prepared, tool_calls)
        await self._hand_out(proposal.calls)
        return proposal

    async def decide(self, prepared: Prepared, tool_calls: Json | Sequence[ToolCall]) -> Proposal:
        """Have tool calls decided as `propose` does, to be begun by this client alone."""
        self._check_all()
        sent = self.means.clock.monotonic()
        with self._listening():
            proposal = await self.means.endpoints.propose(
                self.session_id,
                self.lease.binding,
                prepared=prepared,
                request_hash=prepared.request_hash,
                tool_calls=as_tool_calls(tool_calls),
            )
        self.lease.bind(proposal.binding, sent)
        self.phase = proposal.phase or self.phase
        return proposal

    async def decide_at_once(self, tool_calls: Sequence[ToolCall], key: str) -> Proposal:
        """Have calls decided that no model turn led to; `key` makes repeated ones the same."""
        self._check_all()
        self.means.telling.saw([call.name for call in tool_calls])
        sent = self.means.clock.monotonic()
        with self._listening():
            proposal = await self.means.endpoints.call_tools(
                self.session_id, self.lease.binding, tool_calls=tool_calls, key=key
            )
        self.lease.bind(proposal.binding, sent)
        self.phase = proposal.phase or self.phase
        return proposal

    async def claim_approved(self, call_id: UUID, claim_id: UUID) -> Claimed:
        """Have a call judged again that people said yes to. The same `claim_id` is one claim.

        What is granted is yours to run: a journal takes it for begun from here on.
        """
        claimed = await self.judge_again(call_id, claim_id)
        await self._hand_out(claimed.calls)
        return claimed

    async def judge_again(self, call_id: UUID, claim_id: UUID) -> Claimed:
        """Claim a call as `claim_approved` does, to be begun by this client alone."""
        self._check_all()
        sent = self.means.clock.monotonic()
        with self._listening():
            claimed = await self.means.endpoints.claim(
                self.session_id, self.lease.binding, call_id=call_id, claim_id=claim_id
            )
        self.lease.bind(claimed.binding, sent)
        self.phase = claimed.phase or self.phase
        return claimed

    async def start(self, call_id: UUID) -> Started:
        """Redeem a grant, just before its tool is begun: by you, and no more by `run_turn`."""
        self.check()
        self.claim(call_id)
        await self.note_handed_out(call_id)
        return await self.redeem(call_id)

    async def redeem(self, call_id: UUID) -> Started:
        """Redeem a grant as `start` does, for a call that this client is about to begin."""
        self.check()
        sent = self.means.clock.monotonic()
        with self._listening():
            started = await self.means.endpoints.start(
                self.session_id, self.lease.binding, call_id=call_id, start_id=self.means.ids.new()
            )
        self.lease.bind(started.binding, sent)
        return started

    async def receipt(self, receipt: Receipt) -> ReceiptAnswer:
        """Report what became of a call, however late. Raises the service's refusals."""
        answer = await self.means.endpoints.receipt(
            self.session_id, self.lease.binding, receipt, self.means.patience
        )
        self.phase = answer.current_phase or self.phase
        await self.attached.outbox.note_told(Owed(receipt=receipt))
        return answer

    async def report(
        self, owed: Owed, following: NextRequest | None = None
    ) -> ReceiptAnswer | None:
        """Report as `receipt` does, but owe what cannot be delivered now and raise nothing.

        With `following`, the answer has the prepared request, if it could be prepared.
        """
        outbox = self.attached.outbox
        if self.has_journal:
            await aside(partial(outbox.note_owed, owed))
        if following is not None:
            self.means.telling.saw(following.offered_tools)
        sent, means = self.means.clock.monotonic(), self.means
        answer = await outbox.report(means.endpoints, owed, means.patience, following)
        if answer is not None and answer.next is not None:
            self.lease.bind(answer.next.binding, sent)
        if answer is not None:
            self.phase = answer.current_phase or self.phase
        return answer

    async def settle(self, settle: Settle) -> Settlement:
        """Take a call out of `unknown`, citing a receipt or, with an operator's key, a reason."""
        settled = await self.means.endpoints.settle(self.session_id, self.lease.binding, settle)
        if settled.call_status == CallStatus.SETTLED:
            await self.attached.outbox.note_over(settled.call_id)
        return settled

    async def close(self, reason: str | None = None) -> CloseAnswer:
        """Begin nothing new in this session, and cancel what waits for people.

        What runs is still reported; the session is `completed` once nothing is open.
        """
        return await self.means.endpoints.close(self.session_id, self.lease.binding, reason)

    async def kill(self, reason: str) -> KillAnswer:
        """Stop the session for ever; needs an operator's key."""
        return await self.means.endpoints.kill(self.session_id, reason)

    def governed(self, name: str | None = None) -> "Governor":
        """Return a decorator that makes a callable a governed tool of this session."""
        from placet.sdk.govern import Governor  # noqa: PLC0415 -- it stands above this module

        return Governor(name, self)

    def call(self, tool: str, arguments: Mapping[str, object]) -> "Calling":
        """Return one call of a tool, to be done in an `async with` block: `calling.Calling`."""
        from placet.sdk.calling import Calling  # noqa: PLC0415 -- it stands above this module

        return Calling(self, tool, arguments)

    async def take_over(self) -> "TakenOver":
        """Settle what an earlier holder left, as far as that is known: `takeover.take_over`.

        Done on entering where there is a journal.
        """
        from placet.sdk.takeover import take_over  # noqa: PLC0415 -- it stands above this module

        return await take_over(self)

    async def resume(self, tools: "Tools") -> "Resumed":
        """Go on with what waits for people or is unknown, as `resuming.resume` does."""
        from placet.sdk.resuming import resume  # noqa: PLC0415 -- it stands above this module

        return await resume(self, tools)

    async def run_turn(
        self,
        tool_calls: Json | Sequence[ToolCall],
        tools: "Tools",
        prepared: Prepared | None = None,
    ) -> "list[Outcome]":
        """Propose a model's tool calls together and run the granted ones: `turn.run_turn`."""
        from placet.sdk.turn import run_turn  # noqa: PLC0415 -- it stands above this module

        return await run_turn(self, tool_calls, tools, prepared)

    async def run_step(
        self,
        tool_calls: Json | Sequence[ToolCall],
        tools: "Tools",
        prepared: Prepared | None = None,
        *,
        then: "Then",
    ) -> "Step":
        """Run a turn and prepare the next model request with its last receipt: `turn.run_step`."""
        from placet.sdk.turn import run_step  # noqa: PLC0415 -- it stands above this module

        return await run_step(self, tool_calls, tools, prepared, then)

    async def note_handed_out(self, call_id: UUID) -> None:
        """Write into the journal, if there is one, that the program may begin a call from now."""
        if self.has_journal and not self.is_noted(call_id):
            await aside(partial(self.note_begun, call_id))

    async def _hand_out(self, calls: Sequence[ProposedCall]) -> None:
        for call in calls:
            if call.has_grant:
                await self.note_handed_out(call.call_id)

    def _check_all(self) -> None:
        """Raise `LeaseLost` or `OutboxFull` where nothing may be begun that is granted now."""
        self.check()
        self.attached.outbox.check_room()

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Remember for good where the service says that nothing is begun here any more."""
        try:
            yield
        except (LeaseLost, Gone) as refusal:
            # A closing session is still renewed, so that what is out is reported in time; and of a
            # tool that was stopped the rest of the session knows nothing.
            if refusal.action is Action.STOP and not isinstance(refusal, SessionClosing):
                self.lease.lose(refusal)
            raise
