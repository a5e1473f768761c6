"""The library behind conditions: cel-expr-python, imported only by whoever has one."""

import functools
import importlib
import importlib.metadata
from collections.abc import Mapping
from typing import Final, Protocol, cast

LIBRARY: Final = "cel-expr-python"
LIBRARY_VERSION: Final = "0.1"
"""The version, without the patch level, whose answers are alike."""

_ARENA_BYTES: Final = 32_768
_ASKED_BYTES: Final = 64
"""What is counted of an arena for each question, beside the data."""


class Arena(Protocol):
    """Memory that the library works in."""


class Answer(Protocol):
    """A value, or an error as a value."""

    def value(self) -> object:
        """Return it as Python has it."""


class TypeOf(Protocol):
    """A type of the library."""

    def name(self) -> str:
        """Return its name in capitals."""


class Checked(Protocol):
    """A condition that was read and checked."""

    def eval(
        self,
        activation: None,
        data: Mapping[str, object],
        functions: None = None,
        arena: Arena | None = None,
        /,
    ) -> Answer:
        """Ask it. Raises `RuntimeError` when the budget is spent."""

    def return_type(self) -> TypeOf:
        """Return the type of what it gives."""

    def serialize(self) -> bytes:
        """Return its tree."""


class Environment(Protocol):
    """The variables that conditions know."""

    def compile(self, text: str, /) -> Checked:
        """Read and check a condition. Raises `RuntimeError` with all faults in its text."""


class _Types(Protocol):
    BOOL: TypeOf
    DYN: TypeOf
    STRING: TypeOf

    def Map(self, key: TypeOf, value: TypeOf, /) -> TypeOf: ...  # noqa: N802 -- the library's own


class _Library(Protocol):
    Type: _Types

    def Arena(self) -> Arena: ...  # noqa: N802 -- the library's own

    def NewEnv(self, *, variables: Mapping[str, TypeOf]) -> Environment: ...  # noqa: N802 -- the same


@functools.cache
def library_version() -> str:
    """Return the installed version of the library."""
    return importlib.metadata.version(LIBRARY)


@functools.cache
def _library() -> _Library:
    return cast("_Library", importlib.import_module("cel_expr_python.cel"))


@functools.cache
def environment() -> Environment:
    """Return the variables' types, made once: making them takes as long as a compilation."""
    library = _library()
    types = library.Type
    of_any = types.Map(types.STRING, types.DYN)
    return library.NewEnv(
        variables={
            "args": of_any,
            "principal": of_any,
            "labels": types.Map(types.STRING, types.STRING),
            "phase": types.STRING,
            "slots": of_any,
        }
    )


class _Arenas:
    """One arena for many questions: making it anew takes a third of a small one.

    Nothing in it is given back before the whole is, so it is changed now and then, and conditions
    that make texts or lists of their own have none of it.
    """

    def __init__(self) -> None:
        self._arena: Arena | None = None
        self._left = 0

    def next(self, size: int) -> Arena | None:
        """Return the memory for a question on so many bytes of data."""
        self._left -= _ASKED_BYTES + size
        if self._left < 0:
            self._arena = _library().Arena()
            self._left = _ARENA_BYTES
        return self._arena


ARENAS: Final = _Arenas()
