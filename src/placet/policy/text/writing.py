"""A contract as YAML that a person would want to read, and that reads as the same contract.

Keys stand in the language's order. What is short stands on one line, `{path: $.n, lte: 5}`; the
rest is one line for each key. Quotes stand where this reader, or another one, would take a string
for something else.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, cast

from msgspec import inspect as shapes

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.model import Contract, ToolContract
from placet.policy.text.bind import shape_of
from placet.policy.text.document import contract_document
from placet.policy.text.yaml_text import is_plain_text, is_printable

WIDTH: Final = 100
_STEP: Final = 2
_SIMPLE_KEY_MAX: Final = 1_000
"""Characters that YAML looks ahead for the colon of a key, with some to spare."""

_MAPPINGS_IN_LINE_MAX: Final = 40
_LEVELS_IN_LINE_MAX: Final = 3
_PLAIN: Final = re.compile(r"[\w$/.](?:[\w$/.+-]| (?! |$))*")
_FIRST: Final[dict[str, tuple[str, ...]]] = {
    "Contract": ("schema_version", "agent", "session", "tools"),
    "ToolContract": ("tool", "server"),
}
_TALL: Final = frozenset({"Contract", "SessionRules", "ToolContract"})


class _Tall(dict[str, object]):
    """A mapping that is written with one line for each key, however short it is."""


def write_yaml(contract: Contract) -> str:
    """Return the YAML text of a contract, without what is the default anyway."""
    return write_document(contract_document(contract))


def write_document(document: object, wanted: type = Contract) -> str:
    """Return the YAML text of a document that has the form of a contract, or of one tool.

    Every key that the document has is written, also where it holds the default.
    """
    ordered = _ordered(document, shape_of(wanted))
    assert isinstance(ordered, dict)  # noqa: S101 -- a contract and a tool are mappings
    return "".join(f"{line}\n" for line in _mapping(ordered, 0))


def write_tool(document: object) -> str:
    """Return the YAML text of one tool, as it stands in a file of its own."""
    return write_document(document, ToolContract)


def _ordered(value: object, shape: shapes.Type) -> object:
    """Return the value with the keys of every Struct in the language's order."""
    match shape, value:
        case shapes.StructType(), dict():
            name = shape.cls.__name__
            known = {field.encode_name: field.type for field in shape.fields}
            keys = dict.fromkeys((*_FIRST.get(name, ()), *known))
            made = {key: _ordered(value[key], known[key]) for key in keys if key in value}
            return _Tall(made) if name in _TALL else made
        case shapes.VarTupleType(), list():
            return [_ordered(inner, shape.item_type) for inner in value]
        case shapes.DictType(), dict():
            return {key: _ordered(inner, shape.value_type) for key, inner in value.items()}
        case shapes.UnionType(), dict() | list():
            kind = shapes.StructType if isinstance(value, dict) else shapes.VarTupleType
            inner = next((one for one in shape.types if isinstance(one, kind)), None)
            return value if inner is None else _ordered(value, inner)
    return value


def _mapping(mapping: dict[str, object], indent: int) -> Iterator[str]:
    for key, value in mapping.items():
        head = " " * indent + _text(key) + ":"
        if len(head) - indent > _SIMPLE_KEY_MAX:
            yield " " * indent + "? " + _text(key)
            head = " " * indent + ":"
        yield from _under(head, value, indent)


def _sequence(values: list[object], indent: int) -> Iterator[str]:
    for value in values:
        head = " " * indent + "-"
        if (line := _in_line(value, head)) is not None:
            yield line
        elif isinstance(value, dict | list) and value:
            first, *rest = _block(value, indent + _STEP)
            yield f"{head} {first[indent + _STEP :]}"
            yield from rest
        else:
            yield from _under(head, value, indent)


def _under(head: str, value: object, indent: int) -> Iterator[str]:
    """Yield a key or a dash with its value, on one line if it is short."""
    if (line := _in_line(value, head)) is not None:
        yield line
    elif isinstance(value, dict | list) and value:
        yield head
        yield from _block(value, indent + _STEP)
    elif isinstance(value, str) and (lines := _literal(value)) is not None:
        yield f"{head} {lines[0]}"
        yield from (" " * (indent + _STEP) + line if line else "" for line in lines[1:])
    else:
        yield f"{head} {_scalar(value)}"


def _block(value: dict[str, object] | list[object], indent: int) -> Iterator[str]:
    return _mapping(value, indent) if isinstance(value, dict) else _sequence(value, indent)


def _in_line(value: object, head: str) -> str | None:
    """Return a whole line, or None for what is too long for one."""
    flow = _flow(value, _LEVELS_IN_LINE_MAX)
    if flow is None or len(head) + 1 + len(flow) > WIDTH:
        return None
    return f"{head} {flow}"


def _flow(value: object, levels: int) -> str | None:
    """Return a value as a part of a line, or None for what needs several lines."""
    match value:
        case str() if _literal(value) is not None:
            return None
        case dict() | list() if not value:
            return "{}" if isinstance(value, dict) else "[]"
        case _Tall():
            return None
        case dict() | list() if levels == 0 or len(value) > WIDTH:
            return None
        case dict():
            return _flow_mapping(value, levels)
        case list():
            inner = [_flow(one, levels - 1) for one in value]
            text = _joined("[]", inner)
            is_long = text is not None and len(text) > _MAPPINGS_IN_LINE_MAX
            if is_long and sum(isinstance(one, dict) for one in value) > 1:
                return None
            return text
    return _scalar(value)


def _flow_mapping(mapping: dict[str, object], levels: int) -> str | None:
    inner: list[str | None] = []
    for key, value in mapping.items():
        flow = _flow(value, levels - 1)
        inner.append(None if flow is None else f"{_text(key)}: {flow}")
    return _joined("{}", inner)


def _joined(brackets: str, inner: list[str | None]) -> str | None:
    if None in inner:
        return None
    text = ", ".join(cast("list[str]", inner))
    return brackets[0] + text + brackets[1] if len(text) <= WIDTH else None


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return _text(value)
    return foreign.encode(cast("Json", value)).decode()


def _text(text: str) -> str:
    """Return a string: plain where nobody takes it for anything else, else in quotes."""
    if _PLAIN.fullmatch(text) and is_plain_text(text):
        return text
    has_escape = '"' in text or "\\" in text
    if has_escape and is_printable(text) and "\n" not in text and "\r" not in text:
        return "'" + text.replace("'", "''") + "'"
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(one if is_printable(one) else f"\\u{ord(one):04x}" for one in quoted)


def _literal(text: str) -> list[str] | None:
    """Return the lines of a string that is written as it is, the first with the mark for it."""
    if "\n" not in text.rstrip("\n") or text.endswith("\n\n") or not is_printable(text):
        return None
    lines = text.removesuffix("\n").split("\n")
    is_odd = any(line != line.rstrip() or "\t" in line or "\r" in line for line in lines)
    if is_odd or not lines[0] or lines[0].startswith(" "):
        return None
    return ["|" if text.endswith("\n") else "|-", *lines]
