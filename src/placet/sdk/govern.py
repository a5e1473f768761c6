"""A callable becomes a governed tool: asked for before it runs, reported after it ran."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast, overload

from placet.sdk.execution import run
from placet.sdk.permits import obtain
from placet.sdk.session import Session, current_session
from placet.sdk.tool import Tool

P = ParamSpec("P")
R = TypeVar("R")


class Governor:
    """Turns callables into governed tools of one session, or of the one that they run in."""

    def __init__(self, name: str | None = None, session: Session | None = None) -> None:
        """Take the tool's name in the contract, if it is not the callable's own."""
        self._name = name
        self._session = session

    def __repr__(self) -> str:
        """Show for which name and session."""
        return f"Governor(name={self._name!r}, session={self._session!r})"

    @overload
    def __call__(self, tool: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]: ...

    @overload
    def __call__(self, tool: Callable[P, R]) -> Callable[P, Awaitable[R]]: ...

    def __call__(self, tool: Callable[P, Any]) -> Callable[P, Awaitable[Any]]:
        """Return the governed tool, to be awaited whether the callable is async or not.

        A call raises `CallBlocked` or `ApprovalPending` where it may not run, `LeaseLost` and the
        service's refusals where it could not be decided, and what the tool raises. A plain
        callable runs in a thread. Parameters annotated `ToolContext` are filled in.
        """
        wrapped = Tool(tool, self._name)
        given = self._session

        @functools.wraps(tool)
        async def governed_tool(*args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 -- the tool's own
            session = given or current_session()
            arguments = wrapped.arguments(args, kwargs)
            permit = await obtain(session, wrapped.name, arguments)
            return await run(session, wrapped, permit)

        shown = cast("Any", governed_tool)
        shown.__signature__ = wrapped.shown_signature
        shown.placet_tool = wrapped
        return governed_tool


@overload
def governed(tool: Callable[P, Awaitable[R]], /) -> Callable[P, Awaitable[R]]: ...


@overload
def governed(tool: Callable[P, R], /) -> Callable[P, Awaitable[R]]: ...


@overload
def governed(*, name: str) -> Governor: ...


def governed(
    tool: Callable[P, Any] | None = None, /, *, name: str | None = None
) -> Callable[P, Awaitable[Any]] | Governor:
    """Govern a callable in whichever session it is called in; also a decorator, with a name.

    Outside `async with client.session()` a governed tool raises `NoSessionError`.
    """
    governor = Governor(name)
    return governor if tool is None else governor(tool)
