"""The tree of a checked condition, read from the bytes that the library gives.

They are a `cel.expr.CheckedExpr` in the protocol buffers' wire format; only what `cost` looks at is
read: `cel/expr/syntax.proto` of the CEL specification
"""

import dataclasses
from enum import Enum
from typing import Final, TypeAlias

_PARTS: Final = {
    3: "const",
    4: "ident",
    5: "select",
    6: "call",
    7: "list",
    8: "struct",
    9: "comprehension",
}
_STRING: Final = 6
_BYTES: Final = 7
_WIRE_NUMBER: Final = 0
_WIRE_BYTES: Final = 2
_WIRE_SIZES: Final = {1: 8, 5: 4}
_MORE: Final = 0x80

_Field: TypeAlias = int | bytes
_Message: TypeAlias = dict[int, list[_Field]]


class Kind(Enum):
    """What the checker knows of a value: of bounded size, a text, or anything."""

    FIXED = "fixed"
    TEXT = "text"
    ANY = "any"


@dataclasses.dataclass(frozen=True, slots=True)
class _Node:
    """One part of a condition. `number` leads to its place in the text."""

    number: int
    kind: Kind


@dataclasses.dataclass(frozen=True, slots=True)
class Literal(_Node):
    """A value that is written out; `text` where it is a string."""

    size: int
    text: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Name(_Node):
    """A variable, or a type."""

    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class Select(_Node):
    """One field of a value, or as a test whether it is there."""

    operand: "Node"
    field: str
    is_test: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Call(_Node):
    """A function or an operator; what stands before the dot is the first argument."""

    function: str
    arguments: tuple["Node", ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Made(_Node):
    """A list, a map or a message that is built of parts; `message` is the message's name."""

    parts: tuple["Node", ...]
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Loop(_Node):
    """A macro written out: for each `variable` of `over`, `result` is folded by `steps`."""

    variable: str
    folded: str
    over: "Node"
    begin: "Node"
    steps: tuple["Node", ...]


Node: TypeAlias = Literal | Name | Select | Call | Made | Loop


@dataclasses.dataclass(frozen=True, slots=True)
class Tree:
    """A checked condition."""

    root: Node
    source: bytes

    def offset(self, number: int) -> int:
        """Return how many code points stand before the place of a part."""
        for entry in _message(self.source).get(4, ()):
            fields = _message(entry)
            if _int(fields, 1) == number:
                return _int(fields, 2)
        return 0


def read_tree(data: bytes) -> Tree:
    """Return the tree of `Expression.serialize()`. Raises `ValueError` for other bytes."""
    checked = _message(_bytes(_message(data), 2))
    kinds = {}
    for entry in checked.get(3, ()):
        fields = _message(entry)
        kinds[_int(fields, 1)] = _kind(_bytes(fields, 2))
    return Tree(_node(_bytes(checked, 4), kinds), _bytes(checked, 5))


def _node(data: bytes, kinds: dict[int, Kind]) -> Node:
    fields = _message(data)
    number = _int(fields, 2)
    kind = kinds.get(number, Kind.ANY)
    field = next((field for field in _PARTS if field in fields), 0)
    inner = _message(_bytes(fields, field))
    match _PARTS.get(field):
        case "const":
            return _literal(number, inner)
        case "ident":
            return Name(number, kind, _text(inner, 1))
        case "select":
            operand, is_test = _node(_bytes(inner, 1), kinds), bool(_int(inner, 3))
            return Select(number, kind, operand, _text(inner, 2), is_test)
        case "call":
            parts = [*inner.get(1, ()), *inner.get(3, ())]
            return Call(number, kind, _text(inner, 2), _nodes(parts, kinds))
        case "list":
            return Made(number, kind, _nodes(inner.get(1, []), kinds), "")
        case "struct":
            return _built(number, kind, inner, kinds)
        case "comprehension":
            return _loop(number, kind, inner, kinds)
    message = "the library gave a part of a kind that is not known"
    raise ValueError(message)


def _nodes(parts: list[_Field], kinds: dict[int, Kind]) -> tuple[Node, ...]:
    return tuple(_node(part, kinds) for part in parts if isinstance(part, bytes))


def _literal(number: int, fields: _Message) -> Literal:
    if _STRING in fields:
        value = _bytes(fields, _STRING)
        return Literal(number, Kind.TEXT, len(value), value.decode())
    if _BYTES in fields:
        return Literal(number, Kind.TEXT, len(_bytes(fields, _BYTES)), None)
    return Literal(number, Kind.FIXED, 0, None)


def _built(number: int, kind: Kind, fields: _Message, kinds: dict[int, Kind]) -> Made:
    parts: list[_Field] = []
    for entry in fields.get(2, ()):
        inner = _message(entry)
        parts += [*inner.get(3, ()), *inner.get(4, ())]
    return Made(number, kind, _nodes(parts, kinds), _text(fields, 1))


def _loop(number: int, kind: Kind, fields: _Message, kinds: dict[int, Kind]) -> Loop:
    over, begin, *steps = (_node(_bytes(fields, field), kinds) for field in (2, 4, 5, 6, 7))
    return Loop(number, kind, _text(fields, 1), _text(fields, 3), over, begin, tuple(steps))


_FIXED: Final = frozenset(
    {b"\x12\0", b"\x18\1", b"\x18\2", b"\x18\3", b"\x18\4", b"\x28\2", b"\x28\3"}
)
_TEXTS: Final = frozenset({b"\x18\5", b"\x18\6"})
_TYPE: Final = b"\x5a"


def _kind(data: bytes) -> Kind:
    """Read a type: null, truth values, numbers, times and types are of bounded size."""
    if data in _FIXED or data.startswith(_TYPE):
        return Kind.FIXED
    return Kind.TEXT if data in _TEXTS else Kind.ANY


def _message(data: _Field) -> _Message:
    """Return the fields of a message, each with all of its values."""
    if isinstance(data, int):
        message = "the library gave a number where a message belongs"
        raise TypeError(message)
    fields: _Message = {}
    value: _Field
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        wire = tag & 7
        if wire in _WIRE_SIZES:
            value, end = data[position : position + _WIRE_SIZES[wire]], position + _WIRE_SIZES[wire]
        elif wire == _WIRE_NUMBER:
            value, end = _varint(data, position)
        elif wire == _WIRE_BYTES:
            size, position = _varint(data, position)
            value, end = data[position : position + size], position + size
        else:
            message = "the library gave bytes that are no message"
            raise ValueError(message)
        fields.setdefault(tag >> 3, []).append(value)
        position = end
    return fields


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a number and the position after it."""
    value = data[position]
    if value < _MORE:
        return value, position + 1
    value &= _MORE - 1
    shift = 7
    while True:
        position += 1
        byte = data[position]
        value |= (byte & (_MORE - 1)) << shift
        if byte < _MORE:
            return value, position + 1
        shift += 7


def _bytes(fields: _Message, number: int) -> bytes:
    value = fields[number][-1] if number in fields else b""
    return value if isinstance(value, bytes) else b""


def _text(fields: _Message, number: int) -> str:
    return _bytes(fields, number).decode()


def _int(fields: _Message, number: int) -> int:
    value = fields[number][-1] if number in fields else 0
    return value if isinstance(value, int) else 0
