"""A callable as a tool: its name, its arguments by name, and what it is told about its call."""

import inspect
import typing
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final
from uuid import UUID

from placet.kernel.value import Value
from placet.sdk.arguments import Arguments, arguments_of
from placet.sdk.notes import Notes, current_notes


class ToolContext(Value, frozen=True):
    """What a tool may know of the call that it runs for.

    `call_id` is the idempotency key to hand on: the effect belongs to it, and to no other call.
    `grant` and `fence` are header texts for a host that checks them; both are null where the call
    runs without a grant (shadow mode, or unguarded in development).
    """

    tool: str
    call_id: UUID
    grant: str | None = None
    fence: str | None = None

    def __repr__(self) -> str:
        """Show the call; of the grant only whether there is one, for whoever has it may use it."""
        grant = "granted" if self.grant is not None else "without grant"
        return f"ToolContext({self.tool!r}, call_id={self.call_id}, {grant}, fence={self.fence})"

    def headers(self) -> dict[str, str]:
        """Return the headers to send to the tool's host."""
        found = {"Idempotency-Key": str(self.call_id)}
        if self.grant is not None:
            found["Placet-Grant"] = self.grant
        if self.fence is not None:
            found["Placet-Fence"] = self.fence
        return found


_current: Final[ContextVar[ToolContext | None]] = ContextVar("placet_tool_context", default=None)


def current_context() -> ToolContext | None:
    """Return the context of the governed call that this code runs in, or none outside of one."""
    return _current.get()


class Tool:
    """One callable under one name. Calls it by name, with exactly the arguments it is given."""

    def __init__(self, function: Callable[..., object], name: str | None = None) -> None:
        """Take the callable; its name is the tool's unless another is given.

        Raises `TypeError` for a callable with `*args`: arguments without names cannot be governed.
        """
        self.function = function
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self.is_async = _is_async(function)
        self._signature = inspect.signature(function)
        self._context = _context_parameters(function, self._signature)
        kinds = {parameter.kind for parameter in self._signature.parameters.values()}
        if inspect.Parameter.VAR_POSITIONAL in kinds:
            message = f"`{self.name}` takes `*args`; name the arguments of a governed tool"
            raise TypeError(message)

    def __repr__(self) -> str:
        """Show the name and how it is called."""
        return f"Tool({self.name!r}, {'async' if self.is_async else 'sync'})"

    @property
    def shown_signature(self) -> inspect.Signature:
        """Return the signature that callers and frameworks see: without the context."""
        shown = self._signature.parameters.values()
        return self._signature.replace(
            parameters=[parameter for parameter in shown if parameter.name not in self._context]
        )

    def arguments(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Arguments:
        """Return a Python call's arguments by name, in their one form.

        A parameter that takes the context is no argument. A default that was not given is part
        of the tool, and no argument either. Raises `TypeError` for a call that does not fit and
        `ForeignJsonError` for a value that JSON does not have.
        """
        bound = self._signature.bind_partial(*args, **kwargs)
        named: dict[str, object] = {}
        for name, value in bound.arguments.items():
            kind = self._signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                named.update(value)
            elif name not in self._context:
                named[name] = value
        self._bound(named)
        return arguments_of(named)

    def call(
        self, arguments: Arguments, context: ToolContext, notes: Notes | None = None
    ) -> object:
        """Run a plain callable with arguments read anew from their text.

        The context is given to every parameter annotated `ToolContext`, and stands in
        `current_context()` while the callable runs; what it tells goes into the notes.
        """
        bound = self._bound(dict(arguments.read()), context)
        token, noting = _current.set(context), current_notes.set(notes)
        try:
            return self.function(*bound.args, **bound.kwargs)
        except StopIteration as fault:
            # No future can carry one: whoever waits would wait for ever.
            message = f"`{self.name}` raised StopIteration"
            raise RuntimeError(message) from fault
        finally:
            current_notes.reset(noting)
            _current.reset(token)

    async def call_async(
        self, arguments: Arguments, context: ToolContext, notes: Notes | None = None
    ) -> object:
        """Run an async callable as `call` runs a plain one, and await what it returns."""
        bound = self._bound(dict(arguments.read()), context)
        token, noting = _current.set(context), current_notes.set(notes)
        try:
            result = self.function(*bound.args, **bound.kwargs)
            return await result if inspect.isawaitable(result) else result
        finally:
            current_notes.reset(noting)
            _current.reset(token)

    async def finish(
        self, result: Awaitable[object], context: ToolContext, notes: Notes | None = None
    ) -> object:
        """Await what a plain callable returned, as `call_async` does, in a task of its own."""
        token, noting = _current.set(context), current_notes.set(notes)
        try:
            return await result
        finally:
            current_notes.reset(noting)
            _current.reset(token)

    def misfit(self, arguments: Arguments) -> str | None:
        """Return why the callable cannot be called with these arguments, or none if it can."""
        try:
            self._bound(dict(arguments.read()))
        except TypeError as fault:
            return str(fault)
        return None

    def _bound(
        self, named: dict[str, object], context: ToolContext | None = None
    ) -> inspect.BoundArguments:
        """Bind by name, positional-only parameters too, and give the context where it is wanted."""
        leading: list[object] = []
        rest = dict(named)
        for name in self._context & rest.keys():
            message = f"`{name}` takes the call's context and is no argument of `{self.name}`"
            raise TypeError(message)
        for name in self._context:
            rest[name] = context
        for name, parameter in self._signature.parameters.items():
            if parameter.kind is inspect.Parameter.POSITIONAL_ONLY and name in rest:
                leading.append(rest.pop(name))
        return self._signature.bind(*leading, **rest)


def _is_async(function: Callable[..., object]) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004 -- an object may be called, and async
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _context_parameters(
    function: Callable[..., object], signature: inspect.Signature
) -> frozenset[str]:
    """Return the parameters annotated `ToolContext`, or `ToolContext | None`."""
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError):
        hints = {name: found.annotation for name, found in signature.parameters.items()}
    return frozenset(
        name for name in signature.parameters if _wants_context(hints.get(name, inspect.Signature))
    )


def _wants_context(hint: object) -> bool:
    if isinstance(hint, str):
        return hint.split("|")[0].strip().rpartition(".")[2] == ToolContext.__name__
    return hint is ToolContext or ToolContext in typing.get_args(hint)
