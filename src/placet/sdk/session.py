"""One governed session: its lease is kept, and its binding carried from request to request."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

import msgspec

from placet.evidence.fields import Fence
from placet.kernel.foreign import Json
from placet.kernel.principal import Environment
from placet.kernel.refusals import Gone, GovernanceUnavailable
from placet.replay.sessions.model import KillAnswer
from placet.replay.sessions.refusals import LeaseLost, NoAuthority, SessionClosing
from placet.sdk.answers import (
    Claimed,
    Prepared,
    Proposal,
    ReceiptAnswer,
    SessionAnswer,
    Settlement,
    Started,
)
from placet.sdk.attach import Attached, attach, detach, posture_without
from placet.sdk.endpoints import Receipt, Settle, ToolCall
from placet.sdk.errors import NoSessionError
from placet.sdk.lease import Lease, Term
from placet.sdk.means import Means, Opening
from placet.sdk.plan import Posture, decide_posture, strictest
from placet.sdk.requests import as_tool_calls, request_hash_of

if TYPE_CHECKING:
    from placet.evidence.ed25519 import PublicKey
    from placet.sdk.govern import Governor
    from placet.sdk.turn import Outcome, Tools

ALONE_SECONDS: Final = 5.0
"""After a request that nobody answered, development does not ask again for so long."""

_current: Final[ContextVar["Session | None"]] = ContextVar("placet_session", default=None)


def current_session() -> "Session":
    """Return the session whose `async with` this code runs in. Raises `NoSessionError` outside."""
    session = _current.get()
    if session is None:
        message = "a governed tool is called inside `async with client.session():`"
        raise NoSessionError(message)
    return session


class Session:
    """A session of one agent, held by this process. Made by `Client.session`.

    `async with` takes the lease, renews it from a thread, and gives it back. What begins something
    (`preflight`, `propose`, `start`, and every governed call) raises `LeaseLost` once two thirds
    of the lease have passed without a renewal, or the session is being left; what reports is
    always sent.

    A call that people are asked about raises `ApprovalPending`, or is a `WAITING` outcome of its
    turn. With `approval_seconds` set it is waited for, so long, and claimed and run after a yes.
    """

    def __init__(self, means: Means, opening: Opening) -> None:
        """Take what the client works with, and which session is wanted."""
        self.means = means
        self.unguarded = 0
        self.captured = 0
        self.phase: str | None = None
        self.approval_seconds = 0.0
        self._opening = opening
        self._attached: Attached | None = None
        self._detached: Posture | None = None
        self._alone_until = float("-inf")
        self._outer: Session | None = None
        self._late: set[asyncio.Task[object]] = set()
        self._begun: set[UUID] = set()
        self._is_left = False

    def __repr__(self) -> str:
        """Show which session it is and how it stands."""
        if self._attached is None:
            return f"Session({'not open' if self._detached is None else self._detached.value})"
        view = self._attached.view
        return (
            f"Session({view.session_id}, {view.agent}@{view.environment.value}, mode={view.mode}, "
            f"phase={self.phase}, {self._attached.lease!r})"
        )

    async def __aenter__(self) -> Self:
        """Open or find the session and take its lease. Raises as `attach.attach` does.

        Where nobody answers, or nothing is approved, and the environment lets tools run all the
        same, the session is entered without the service.
        """
        if self._attached is not None or self._detached is not None:
            message = "a session is entered once; ask the client for another with its id"
            raise RuntimeError(message)
        try:
            self._attached = await attach(self.means, self._opening)
            self.phase = self._attached.view.current_phase
        except (GovernanceUnavailable, NoAuthority) as refusal:
            self._detached = await posture_without(self.means, refusal)
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
        self._is_left = True
        _current.set(self._outer)
        if self._late:
            await asyncio.wait(self._late)
        if self._attached is not None:
            await detach(self.means, self._attached)

    @property
    def attached(self) -> Attached:
        """Return what this process holds. Raises `GovernanceUnavailable` without the service."""
        if self._attached is None:
            raise GovernanceUnavailable(detail="this session is not attached to the service")
        return self._attached

    @property
    def is_attached(self) -> bool:
        """Tell whether the service governs this session."""
        return self._attached is not None

    @property
    def view(self) -> SessionAnswer:
        """Return the session as it was when it was entered."""
        return self.attached.view

    @property
    def session_id(self) -> UUID:
        """Return the session's id."""
        return self.attached.view.session_id

    @property
    def lease(self) -> Lease:
        """Return the lease as this process knows it."""
        return self.attached.lease

    @property
    def fence(self) -> Fence:
        """Return the fence of the lease."""
        return self.check().fence

    @property
    def keys(self) -> "tuple[PublicKey, ...]":
        """Return the keys that sign grants."""
        return self.attached.keys.known

    @property
    def owed(self) -> int:
        """Return how many receipts are still to be delivered."""
        return 0 if self._attached is None else len(self._attached.outbox)

    @property
    def environment(self) -> Environment:
        """Return the strictest environment that anything here knows of; production by default."""
        found = None if self._attached is None else self._attached.view.environment
        return strictest(self.means.environment, found)

    def check(self) -> Term:
        """Return the lease's term if work may be begun now. Raises `LeaseLost` otherwise."""
        self.check_open()
        return self.attached.lease.check(self.means.clock.monotonic())

    def check_open(self) -> None:
        """Raise `LeaseLost` once the session is left, and what the service said if it ended it."""
        if self._is_left:
            raise LeaseLost(detail="this session was left")
        if self._attached is not None:
            self._attached.lease.check_open()

    def claim(self, call_id: UUID) -> bool:
        """Return whether nobody has begun this call here before; from now on somebody has.

        Whoever claims a call is the only one to begin it, and to say that it was not begun.
        """
        is_first = call_id not in self._begun
        self._begun.add(call_id)
        return is_first

    def posture_alone(self, fault: GovernanceUnavailable | LeaseLost) -> Posture:
        """Return how a call is treated whose request nobody answered. Raises `fault` for *not*.

        A lease that ran out because no renewal was answered is the same case. One that somebody
        else took is not, and neither is a session that was killed.
        """
        self.check_open()
        if isinstance(fault, LeaseLost) and not self.lease.is_unanswered:
            raise fault
        posture = decide_posture(self.environment, None, reachable=False)
        if posture is not Posture.UNGUARDED:
            raise fault
        self._alone_until = self.means.clock.monotonic() + ALONE_SECONDS
        return posture

    def posture_now(self) -> Posture | None:
        """Return how tools run without the service at this moment, or none while it is asked.

        Raises as `check_open` does.
        """
        self.check_open()
        if self.means.clock.monotonic() < self._alone_until:
            return Posture.UNGUARDED
        return self._detached

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
        denial is no error: each call has its verdict, its status and its reasons.
        """
        self.check()
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

    async def claim_approved(self, call_id: UUID, claim_id: UUID) -> Claimed:
        """Have a call judged again that people said yes to. The same `claim_id` is one claim."""
        self.check()
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
        return answer

    async def report(self, receipt: Receipt) -> ReceiptAnswer | None:
        """Report as `receipt` does, but owe what cannot be delivered now and raise nothing."""
        answer = await self.attached.outbox.report(
            self.means.endpoints, receipt, self.means.patience
        )
        if answer is not None:
            self.phase = answer.current_phase or self.phase
        return answer

    async def settle(self, settle: Settle) -> Settlement:
        """Take a call out of `unknown`, citing a receipt or, with an operator's key, a reason."""
        return await self.means.endpoints.settle(self.session_id, self.lease.binding, settle)

    async def kill(self, reason: str) -> KillAnswer:
        """Stop the session for ever; needs an operator's key."""
        return await self.means.endpoints.kill(self.session_id, reason)

    def governed(self, name: str | None = None) -> "Governor":
        """Return a decorator that makes a callable a governed tool of this session."""
        from placet.sdk.govern import Governor  # noqa: PLC0415 -- it stands above this module

        return Governor(name, self)

    async def run_turn(
        self,
        tool_calls: Json | Sequence[ToolCall],
        tools: "Tools",
        prepared: Prepared | None = None,
    ) -> "list[Outcome]":
        """Propose a model's tool calls together and run the granted ones: `turn.run_turn`."""
        from placet.sdk.turn import run_turn  # noqa: PLC0415 -- it stands above this module

        return await run_turn(self, tool_calls, tools, prepared)

    def outlive(self, task: "asyncio.Task[object]") -> None:
        """Wait for this task before the session is left."""
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Remember for good where the service says that nothing is begun here any more."""
        try:
            yield
        except (LeaseLost, Gone) as refusal:
            # A closing session is still renewed, so that what is out is reported in time.
            if not isinstance(refusal, SessionClosing):
                self.lease.lose(refusal)
            raise
