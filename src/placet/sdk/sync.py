"""The same client for programs without an event loop.

Answers and errors are the same classes. A plain tool runs in the thread that called it, so that
what is bound to that thread, such as a database connection, can be used in it.
"""

import functools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, ParamSpec, Self, TypeVar, cast, overload
from uuid import UUID

from placet.kernel.foreign import Json
from placet.kernel.principal import Environment
from placet.replay.closings.model import CloseAnswer
from placet.replay.sessions.model import KillAnswer, SessionMode
from placet.sdk import client as asynchronous
from placet.sdk.answers import (
    Claimed,
    Prepared,
    Proposal,
    ReceiptAnswer,
    SessionAnswer,
    Settlement,
    Started,
)
from placet.sdk.calling import Calling as AsyncCalling
from placet.sdk.calling import OpenCall
from placet.sdk.endpoints import Receipt, Settle, ToolCall
from placet.sdk.errors import NoSessionError
from placet.sdk.execution import run
from placet.sdk.means import TTL_SECONDS
from placet.sdk.outcomes import Outcome
from placet.sdk.own_loop import OwnLoop
from placet.sdk.permits import obtain
from placet.sdk.plan import KnownPlan
from placet.sdk.resuming import Resumed
from placet.sdk.session import Session as AsyncSession
from placet.sdk.takeover import TakenOver
from placet.sdk.tool import Tool
from placet.sdk.turn import Step, Then, Tools

if TYPE_CHECKING:
    from placet.evidence.dsse import Envelope

P = ParamSpec("P")
R = TypeVar("R")

_current: Final[ContextVar["Session | None"]] = ContextVar("placet_sync_session", default=None)


class Client:
    """`client.Client` without `await`. Use it with `with`, or `close` it."""

    def __init__(self, url: str, api_key: str, **options: Any) -> None:  # noqa: ANN401 -- the same options
        """Take what `client.Client` takes."""
        self.client = asynchronous.Client(url, api_key, **options)
        self._loop = OwnLoop()

    def __repr__(self) -> str:
        """Show the client inside."""
        return f"sync.{self.client!r}"

    def __enter__(self) -> Self:
        """Return the client; nothing is sent."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections and end the thread."""
        self.close()

    def close(self) -> None:
        """Close the connections and end the thread. Sessions must have been left before."""
        if self._loop.is_open:
            self._loop.run(self.client.close())
        self._loop.close()

    def session(  # noqa: PLR0913 -- what may be said of a session, each by its name
        self,
        session_id: UUID | None = None,
        *,
        mode: SessionMode | None = None,
        ttl_seconds: int = TTL_SECONDS,
        wait_seconds: float = 0.0,
        steal_reason: str | None = None,
        journal: "str | PathLike[str] | None" = None,
        assertion: "Envelope | None" = None,
    ) -> "Session":
        """Return a session to be entered with `with`, as `client.Client.session` does."""
        inner = self.client.session(
            session_id,
            mode=mode,
            ttl_seconds=ttl_seconds,
            wait_seconds=wait_seconds,
            steal_reason=steal_reason,
            journal=journal,
            assertion=assertion,
        )
        return Session(inner, self._loop)

    def offer(self, tools: Sequence[object]) -> None:
        """Tell the service which tools are offered to the model, as `client.Client.offer` does."""

        async def offer() -> None:
            self.client.offer(tools)

        self._loop.run(offer())

    def plan(
        self, agent: str, environment: Environment | str, *, wait_seconds: int = 0
    ) -> KnownPlan:
        """Return what holds for an agent, as `client.Client.plan` does."""
        return self._loop.run(self.client.plan(agent, environment, wait_seconds=wait_seconds))

    def state(self, session_id: UUID, *, pending: bool = False) -> SessionAnswer:
        """Return any session that the key may read."""
        return self._loop.run(self.client.state(session_id, pending=pending))

    def settle(self, session_id: UUID, settle: Settle) -> Settlement:
        """Settle an unknown call as an operator."""
        return self._loop.run(self.client.settle(session_id, settle))

    def kill(self, session_id: UUID, reason: str) -> KillAnswer:
        """Stop a session for ever, as an operator."""
        return self._loop.run(self.client.kill(session_id, reason))


class Session:
    """`session.Session` without `await`; what it knows stands in `inner`."""

    def __init__(self, inner: AsyncSession, loop: OwnLoop) -> None:
        """Take the session inside and the loop that it lives in."""
        self.inner = inner
        self._loop = loop
        self._outer: Session | None = None

    @property
    def approval_seconds(self) -> float:
        """Return how long a call waits for people, as `session.Session` says; settable."""
        return self.inner.approval_seconds

    @approval_seconds.setter
    def approval_seconds(self, seconds: float) -> None:
        self.inner.approval_seconds = seconds

    @property
    def session_id(self) -> UUID:
        """Return the session's id."""
        return self.inner.session_id

    @property
    def phase(self) -> str | None:
        """Return the phase as far as it was told."""
        return self.inner.phase

    @property
    def owed(self) -> int:
        """Return how many receipts are still to be delivered."""
        return self.inner.owed

    @property
    def unguarded(self) -> int:
        """Return how many calls ran without a grant while nobody answered."""
        return self.inner.unguarded

    @property
    def captured(self) -> int:
        """Return how many calls ran while nothing was approved."""
        return self.inner.captured

    @property
    def taken_over(self) -> TakenOver | None:
        """Return what an earlier process had left, where it was taken over on entering."""
        return self.inner.taken_over

    def __repr__(self) -> str:
        """Show the session inside."""
        return f"sync.{self.inner!r}"

    def __enter__(self) -> Self:
        """Open or find the session and take its lease."""
        self._loop.run(self.inner.__aenter__())
        self._outer = _current.get()
        _current.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Deliver what is owed and give the lease back."""
        _current.set(self._outer)
        self._loop.run(self.inner.__aexit__(kind, fault, trace))

    def state(self, *, pending: bool = False) -> SessionAnswer:
        """Return the session as it is now."""
        return self._loop.run(self.inner.state(pending=pending))

    def preflight(
        self,
        *,
        offered_tools: Sequence[str],
        messages: Json = None,
        model: str | None = None,
        request_hash: str | None = None,
    ) -> Prepared:
        """Bind a model request to the present state."""
        return self._loop.run(
            self.inner.preflight(
                offered_tools=offered_tools,
                messages=messages,
                model=model,
                request_hash=request_hash,
            )
        )

    def propose(self, prepared: Prepared, tool_calls: Json | Sequence[ToolCall]) -> Proposal:
        """Have the model's tool calls decided, all together."""
        return self._loop.run(self.inner.propose(prepared, tool_calls))

    def claim_approved(self, call_id: UUID, claim_id: UUID) -> Claimed:
        """Have a call judged again that people said yes to. The same `claim_id` is one claim."""
        return self._loop.run(self.inner.claim_approved(call_id, claim_id))

    def start(self, call_id: UUID) -> Started:
        """Redeem a grant, just before its tool is begun."""
        return self._loop.run(self.inner.start(call_id))

    def receipt(self, receipt: Receipt) -> ReceiptAnswer:
        """Report what became of a call."""
        return self._loop.run(self.inner.receipt(receipt))

    def settle(self, settle: Settle) -> Settlement:
        """Take a call out of `unknown`."""
        return self._loop.run(self.inner.settle(settle))

    def close(self, reason: str | None = None) -> CloseAnswer:
        """Begin nothing new in this session, and cancel what waits for people."""
        return self._loop.run(self.inner.close(reason))

    def kill(self, reason: str) -> KillAnswer:
        """Stop the session for ever; needs an operator's key."""
        return self._loop.run(self.inner.kill(reason))

    def call(self, tool: str, arguments: Mapping[str, object]) -> "Calling":
        """Return one call of a tool, to be done in a `with` block."""
        return Calling(self.inner.call(tool, arguments), self._loop)

    def take_over(self) -> TakenOver:
        """Settle what an earlier holder left, as far as that is known."""
        return self._loop.run(self.inner.take_over())

    def resume(self, tools: Tools) -> Resumed:
        """Go on with what waits for people or is unknown."""
        return self._loop.run(self.inner.resume(tools))

    def run_turn(
        self,
        tool_calls: Json | Sequence[ToolCall],
        tools: Tools,
        prepared: Prepared | None = None,
    ) -> list[Outcome]:
        """Propose a model's tool calls together and run the granted ones."""
        return self._loop.run(self.inner.run_turn(tool_calls, tools, prepared))

    def run_step(
        self,
        tool_calls: Json | Sequence[ToolCall],
        tools: Tools,
        prepared: Prepared | None = None,
        *,
        then: Then,
    ) -> Step:
        """Run a turn and prepare the next model request with its last receipt.

        `then` runs in the client's own thread.
        """
        return self._loop.run(self.inner.run_step(tool_calls, tools, prepared, then=then))

    def run_tool(self, tool: Tool, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Run one call of a tool, governed."""
        return self._loop.run(_governed_call(self.inner, tool, args, kwargs))

    def governed(self, name: str | None = None) -> "Governor":
        """Return a decorator that makes a callable a governed tool of this session."""
        return Governor(name, self)


class Calling:
    """`calling.Calling` without `await`: the block runs in the thread that entered it."""

    def __init__(self, inner: AsyncCalling, loop: OwnLoop) -> None:
        """Take the call inside and the loop that it lives in."""
        self.inner = inner
        self._loop = loop

    def __repr__(self) -> str:
        """Show the call inside."""
        return f"sync.{self.inner!r}"

    def __enter__(self) -> OpenCall:
        """Ask for leave and return it."""
        return self._loop.run(self.inner.__aenter__())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Report how it ended."""
        self._loop.run(self.inner.__aexit__(kind, fault, trace))


async def _governed_call(
    session: AsyncSession, tool: Tool, args: tuple[object, ...], kwargs: dict[str, object]
) -> object:
    permit = await obtain(session, tool.name, tool.arguments(args, kwargs))
    return await run(session, tool, permit)


class Governor:
    """Turns callables into governed tools that are called without `await`."""

    def __init__(self, name: str | None = None, session: Session | None = None) -> None:
        """Take the tool's name in the contract, if it is not the callable's own."""
        self._name = name
        self._session = session

    def __repr__(self) -> str:
        """Show for which name and session."""
        return f"sync.Governor(name={self._name!r}, session={self._session!r})"

    @overload
    def __call__(self, tool: Callable[P, Awaitable[R]]) -> Callable[P, R]: ...

    @overload
    def __call__(self, tool: Callable[P, R]) -> Callable[P, R]: ...

    def __call__(self, tool: Callable[P, Any]) -> Callable[P, Any]:
        """Return the governed tool; it raises as that of `govern.Governor` does."""
        wrapped = Tool(tool, self._name)
        given = self._session

        @functools.wraps(tool)
        def governed_tool(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 -- the tool's own
            return (given or current_session()).run_tool(wrapped, args, kwargs)

        shown = cast("Any", governed_tool)
        shown.__signature__ = wrapped.shown_signature
        shown.placet_tool = wrapped
        return governed_tool


def current_session() -> Session:
    """Return the session whose `with` this code runs in. Raises `NoSessionError` outside."""
    session = _current.get()
    if session is None:
        message = "a governed tool is called inside `with client.session():`"
        raise NoSessionError(message)
    return session


@overload
def governed(tool: Callable[P, Awaitable[R]], /) -> Callable[P, R]: ...


@overload
def governed(tool: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def governed(*, name: str) -> Governor: ...


def governed(
    tool: Callable[P, Any] | None = None, /, *, name: str | None = None
) -> Callable[P, Any] | Governor:
    """Govern a callable in whichever session it is called in; also a decorator, with a name."""
    governor = Governor(name)
    return governor if tool is None else governor(tool)
