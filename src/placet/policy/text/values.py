"""Decoded JSON to nodes, and nodes to decoded JSON."""

import math
from decimal import Decimal
from typing import Final

from placet.policy.text.tree import (
    DEPTH_MAX,
    DIGITS_MAX,
    KEY_MAX,
    UNWRITABLE,
    VALUES_MAX,
    Node,
    Steps,
    TextError,
    error,
    is_unwritable,
    key_too_long,
    too_deep,
    too_many,
)

_EXPONENT_FROM: Final = 1e21
"""From here on RFC 8785 prints a double with an exponent."""


def plain(node: Node) -> object:
    """Return the value of a node without its places.

    A number is what its canonical text will be read as: `1.0` is 1, and 7.1e16 the integer.
    """
    match node.value:
        case float() if node.value.is_integer() and abs(node.value) < _EXPONENT_FROM:
            return int(Decimal(repr(node.value)))
        case list():
            return [plain(inner) for inner in node.value]
        case dict():
            return {key: plain(inner) for key, inner in node.value.items()}
    return node.value


def grown(document: object) -> Node:
    """Return nodes without places for decoded JSON.

    Raises `TextError` for what no text of a contract can hold.
    """
    return _Grower().node(document, (), 0)


class _Grower:
    def __init__(self) -> None:
        self.count = 0

    def node(self, value: object, steps: Steps, depth: int) -> Node:
        self.count += 1
        if self.count > VALUES_MAX:
            raise too_many(steps, None)
        if (fault := _fault(value)) is not None:
            raise TextError(error("malformed_json", steps, None, fault))
        if not isinstance(value, list | tuple | dict):
            assert value is None or isinstance(value, bool | int | float | str)  # noqa: S101 -- _fault
            return Node(value)
        if depth == DEPTH_MAX:
            raise too_deep(steps, None)
        if not isinstance(value, dict):
            inner = enumerate(value)
            return Node([self.node(one, (*steps, at), depth + 1) for at, one in inner])
        for key in value:
            if not isinstance(key, str) or is_unwritable(key):
                message = "a key is no string, or holds what none can"
                raise TextError(error("malformed_json", steps, None, message))
            if len(key) > KEY_MAX:
                raise TextError(key_too_long(steps, key, None))
        return Node({key: self.node(value[key], (*steps, key), depth + 1) for key in value})


def _fault(value: object) -> str | None:
    match value:
        case None | bool() | list() | tuple() | dict():
            return None
        case str():
            return UNWRITABLE if is_unwritable(value) else None
        case int():
            is_short = abs(value) < 10**DIGITS_MAX and len(str(value)) <= DIGITS_MAX
            return None if is_short else f"a number has at most {DIGITS_MAX} characters"
        case float():
            return None if math.isfinite(value) else "the number is beyond the range of a double"
    return f"a {type(value).__name__} is no JSON"
