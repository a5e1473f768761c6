"""Changed copies of one bundle, verified as each would be alone, but what they share only once.

The verifier takes a good bundle line by line. A copy that differs from some line on is read from
a copy of the state that stands before that line, by `verify_bundle` itself, so that nothing of it
is told here a second time. That the reports are the same ones is held by the tests that use this.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import is_dataclass
from types import FunctionType
from uuid import UUID

from placet.evidence import verify as verifier
from placet.evidence.verify import BundleReport, verify_bundle

_HASH = type(hashlib.sha256())
_NEVER_CHANGE = (str, bytes, int, float, type(None), UUID, type, FunctionType)
Copy = Callable[[object, dict[int, object]], object]


def _same(value: object, seen: dict[int, object]) -> object:
    del seen
    return value


def _of_dict(value: dict[object, object], seen: dict[int, object]) -> object:
    made = value.copy()
    for key, inner in value.items():
        copy = _way_of(type(inner))
        if copy is not _same:
            made[key] = copy(inner, seen)
    return made


def _of_items(
    value: list[object] | tuple[object, ...], seen: dict[int, object]
) -> list[object] | tuple[object, ...]:
    kind = type(value)
    made = [_way_of(type(inner))(inner, seen) for inner in value]
    if all(one is other for one, other in zip(made, value, strict=True)) and kind is not list:
        return value
    if hasattr(kind, "_fields"):
        return kind(*made)  # type: ignore[arg-type]  # -- a named tuple takes its fields
    return kind(made)


def _of_bytes(value: set[object] | bytearray, seen: dict[int, object]) -> object:
    """Copy what holds nothing that could change: all of these have a `copy`, hashes too."""
    del seen
    return value.copy()


def _of_ours(value: object, seen: dict[int, object]) -> object:
    """Copy an object of the verifier: the same one twice becomes one copy."""
    if id(value) in seen:
        return seen[id(value)]
    kind = type(value)
    made = seen[id(value)] = kind.__new__(kind)
    for name in getattr(kind, "__slots__", None) or vars(value):
        inner = getattr(value, name)
        setattr(made, name, _way_of(type(inner))(inner, seen))
    return made


def _chosen(kind: type) -> Copy:
    """Return how values of a type are copied. Raises `TypeError` for one that is not known."""
    if issubclass(kind, dict):
        return _of_dict  # type: ignore[return-value]  # -- called with such values alone
    if issubclass(kind, list | tuple):
        return _of_items  # type: ignore[return-value]  # -- the same
    if issubclass(kind, set | bytearray | _HASH):
        return _of_bytes  # type: ignore[return-value]  # -- the same
    if is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]  # -- set on each
        return _same
    if kind.__module__ == verifier.__name__:
        return _of_ours
    if issubclass(kind, _NEVER_CHANGE) or kind.__module__ == "datetime":
        return _same
    message = f"the state holds a {kind}, and nothing tells how it is copied"
    raise TypeError(message)


_WAYS: dict[type, Copy] = {}


def _way_of(kind: type) -> Copy:
    way = _WAYS.get(kind)
    if way is None:
        way = _WAYS[kind] = _chosen(kind)
    return way


class Before:
    """The state before a line."""

    def __init__(self, state: object) -> None:
        """Take the state, which is not changed."""
        self._state = state

    def verify(self, rest: bytes) -> BundleReport:
        """Go on with other lines than those of the good bundle."""
        with _beginning_with(_of_ours(self._state, {})):
            return verify_bundle(io.BytesIO(rest))


@contextmanager
def _beginning_with(state: object) -> Iterator[None]:
    """Let a reading begin with this state."""
    names = vars(verifier)
    usual = names["_Audit"]
    names["_Audit"] = lambda *_: state
    try:
        yield
    finally:
        names["_Audit"] = usual


def before_each_line(lines: Sequence[bytes]) -> Iterator[Before]:
    """Yield the state before each line of a good bundle, and at last that after all of them.

    Each is good until the next one is asked for.
    """
    audit = verifier._Audit(None, ())  # noqa: SLF001 -- the state itself
    for line in lines:
        yield Before(audit)
        audit.take(line)
    yield Before(audit)
