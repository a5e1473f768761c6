"""What a condition is given: of each variable that it names, only what it reads."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final

from placet.policy.cel.cost import VALUE_BYTES, VARIABLES, parts
from placet.policy.cel.tree import Call, Kind, Literal, Loop, Made, Name, Node, Select

_WHOLE_MAX: Final = 1e21
"""From here on a double is not written as an integer is."""

_MISSING: Final = object()
_SIMPLE: Final = frozenset({int, bool, type(None)})


class TooLargeError(Exception):
    """What a condition reads is larger than it may see."""


@dataclasses.dataclass(frozen=True, slots=True)
class Read:
    """A variable that a condition reads, and which of its keys; null is all of them."""

    variable: str
    keys: tuple[str, ...] | None


def reads(root: Node) -> tuple[Read, ...]:
    """Return what a condition reads, in the order of `VARIABLES`."""
    found: dict[str, set[str | None]] = {}
    for variable, key in _uses(root):
        found.setdefault(variable, set()).add(key)
    return tuple(
        Read(
            variable,
            None if None in keys else tuple(sorted(key for key in keys if key is not None)),
        )
        for variable in VARIABLES
        if (keys := found.get(variable)) is not None
    )


def _uses(node: Node) -> Iterator[tuple[str, str | None]]:
    """Yield each use of a variable: with the key, where it is written out."""
    match node:
        case Select(operand=Name(name=name), field=field) if name in VARIABLES:
            yield name, field
            return
        case Call(function="_[_]", arguments=(Name(name=name), Literal(text=str(key)))) if (
            name in VARIABLES
        ):
            yield name, key
            return
        case Name(name=name) if name in VARIABLES:
            yield name, None
    for part in parts(node):
        yield from _uses(part)


def makes_nothing(node: Node) -> bool:
    """Say whether a condition builds no text, list or map of its own and has no loop."""
    match node:
        case Loop() | Made():
            return False
        case Call(kind=kind, function=function):
            if kind is Kind.TEXT or (kind is Kind.ANY and function != "_[_]"):
                return False
    return all(makes_nothing(part) for part in parts(node))


def given(read: Read, value: object, room: int) -> tuple[object, int]:
    """Return what is read of a variable, and how many bytes are left of `room`.

    Raises `TooLargeError` when there are none.
    """
    if read.keys is None or not (type(value) is dict or isinstance(value, Mapping)):
        return _plain(value, room)
    out: dict[str, object] = {}
    for key in read.keys:
        inner = value.get(key, _MISSING)
        if inner is _MISSING:
            continue
        if type(inner) in _SIMPLE:
            out[key] = inner
            room -= VALUE_BYTES
        else:
            out[key], room = _plain(inner, room)
    return out, room


def _plain(value: object, room: int) -> tuple[object, int]:
    """Return a value as the library takes it, equal numbers alike: 1.0 is given as 1."""
    room -= VALUE_BYTES
    match value:
        case str():
            room -= len(value) if value.isascii() else len(value.encode())
        case float():
            is_whole = value.is_integer() and abs(value) < _WHOLE_MAX
            value = int(value) if is_whole else value
        case list() | tuple():
            inner = []
            for one in value:
                plain, room = _plain(one, room)
                inner.append(plain)
            value = inner
        case Mapping():
            named = {}
            for key, one in value.items():
                plain, room = _plain(one, room - VALUE_BYTES - len(key.encode()))
                named[key] = plain
            value = named
        case None | bool() | int():
            pass
        case _:
            message = f"a {type(value).__name__} is no JSON"
            raise TypeError(message)
    if room < 0:
        raise TooLargeError
    return value, room
