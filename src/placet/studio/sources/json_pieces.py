"""What a JSON text consists of, member by member, with the place of each."""

import json
import re
from collections.abc import Iterator
from typing import Final

from placet.kernel.foreign import Json
from placet.policy.paths import path_text
from placet.studio.sources.model import PartKind
from placet.studio.sources.pieces import Piece, UnreadableError, line_at

DEPTH_MAX: Final = 64
VALUES_MAX: Final = 500_000
LINES_MAX: Final = 100_000
_STRINGS: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_OTHERS: Final = re.compile(r"[^\[\]{}]++")
_BLANK: Final = re.compile(r"[ \t\r\n]*+")
_UNHELD: Final = re.compile("[\x00\ud800-\udfff]")
_DECODER: Final = json.JSONDecoder()
_CALL_NAMES: Final = ("tool", "tool_name", "name", "function")
_CALL_ARGUMENTS: Final = ("arguments", "args", "input", "parameters")


def json_pieces(text: str) -> Iterator[Piece]:
    """Yield the tools of a tool list, or else the members or items of a JSON text.

    Raises `UnreadableError` before the first.
    """
    return _pieces(text, read_json(text))


def jsonl_pieces(text: str) -> Iterator[Piece]:
    """Yield the lines of a JSONL text, told as calls where they name a tool and its arguments.

    Raises `UnreadableError` before the first.
    """
    lines = list(_lines(text))
    values = [_line(text, start, end) for start, end in lines]
    return (
        _recorded(value, number, start, end)
        for number, (value, (start, end)) in enumerate(zip(values, lines, strict=True))
    )


def read_json(text: str) -> Json:
    """Return what a JSON text stands for. Raises `UnreadableError` with its line."""
    _check_size(text)
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError as fault:
        message = "the text is not JSON"
        raise UnreadableError(message, line_at(text, fault.pos)) from None
    except (ValueError, RecursionError):
        message = "the text holds a number that is too long"
        raise UnreadableError(message) from None
    return value


def _check_size(text: str) -> None:
    brackets = text.count("[") + text.count("{")
    if brackets <= DEPTH_MAX and text.count(",") <= VALUES_MAX:
        return
    bare = _STRINGS.sub("", text)
    if bare.count("[") + bare.count("{") + bare.count(",") > VALUES_MAX:
        message = f"the text holds more than {VALUES_MAX:,} values"
        raise UnreadableError(message)
    depth = 0
    for bracket in _OTHERS.sub("", bare):
        depth += 1 if bracket in "[{" else -1
        if depth > DEPTH_MAX:
            message = f"the text is nested more than {DEPTH_MAX} levels deep"
            raise UnreadableError(message)


def _pieces(text: str, value: Json) -> Iterator[Piece]:
    at = _after_blanks(text, 0)
    tools_at = _tools_at(value)
    if isinstance(value, list):
        is_tools = tools_at == ()
        kind = PartKind.TOOL if is_tools else PartKind.ITEM
        yield from _items(text, at, value, kind, ())
    elif isinstance(value, dict):
        yield from _object(text, at, value, (), tools_at)
    else:
        yield Piece(PartKind.VALUE, "$", None, at, len(text.rstrip()))


def _object(
    text: str,
    at: int,
    value: dict[str, Json],
    steps: tuple[str, ...],
    tools_at: tuple[str, ...] | None,
) -> Iterator[Piece]:
    """Yield the members of an object; the lists and objects on the way to tools are opened."""
    for key, inner, key_at, start, end in _members(text, at):
        path = (*steps, key)
        if tools_at == path and isinstance(inner, list):
            yield from _items(text, start, inner, PartKind.TOOL, path)
        elif tools_at is not None and tools_at[: len(path)] == path and isinstance(inner, dict):
            yield from _object(text, start, inner, path, tools_at)
        elif not steps and key == "properties" and isinstance(inner, dict) and _is_schema(value):
            for name, _, name_at, _, inner_end in _members(text, start):
                yield Piece(PartKind.PROPERTY, path_text((key, name)), name, name_at, inner_end)
        else:
            yield Piece(PartKind.MEMBER, path_text(path), key, key_at, end)


def _items(
    text: str, at: int, values: list[Json], kind: PartKind, steps: tuple[str, ...]
) -> Iterator[Piece]:
    at = _after_blanks(text, at + 1)
    for index, value in enumerate(values):
        _, end = _DECODER.raw_decode(text, at)
        yield Piece(kind, path_text((*steps, index)), name_of(value), at, end)
        at = _after_blanks(text, _after_blanks(text, end) + 1)


def _members(text: str, at: int) -> Iterator[tuple[str, Json, int, int, int]]:
    """Yield key, value, where the key begins, and where the value begins and ends."""
    at = _after_blanks(text, at + 1)
    while text[at] != "}":
        key, after = _DECODER.raw_decode(text, at)
        start = _after_blanks(text, _after_blanks(text, after) + 1)
        value, end = _DECODER.raw_decode(text, start)
        yield key, value, at, start, end
        at = _after_blanks(text, end)
        if text[at] == ",":
            at = _after_blanks(text, at + 1)


def _tools_at(value: Json) -> tuple[str, ...] | None:
    """Return the way to the list of tools, for the forms in which servers and models list them."""
    if isinstance(value, list):
        return () if _is_tools(value) else None
    if isinstance(value, dict):
        inner = value.get("result")
        if _is_tools(value.get("tools")):
            return ("tools",)
        if isinstance(inner, dict) and _is_tools(inner.get("tools")):
            return ("result", "tools")
    return None


def _is_tools(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_tool(one) for one in value)


def _is_tool(value: Json) -> bool:
    if not isinstance(value, dict):
        return False
    inner = value.get("function", value)
    return (
        isinstance(inner, dict)
        and isinstance(inner.get("name"), str)
        and any(key in inner for key in ("inputSchema", "input_schema", "parameters"))
    )


def _is_schema(value: dict[str, Json]) -> bool:
    return "$schema" in value or value.get("type") == "object"


def name_of(value: Json) -> str | None:
    """Return what a tool, a call or an item is called.

    U+0000 and halves of surrogate pairs, which nothing of ours can hold, are U+FFFD in it.
    """
    if not isinstance(value, dict):
        return None
    function = value.get("function")
    inner = function if isinstance(function, dict) else value
    for key in (*_CALL_NAMES, "title", "id"):
        if isinstance(found := inner.get(key), str):
            return _UNHELD.sub("\ufffd", found)
    return None


def _lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    count = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text[at:end].strip():
            count += 1
            if count > LINES_MAX:
                message = f"the text has more than {LINES_MAX:,} lines"
                raise UnreadableError(message)
            yield at, end
        at = end + 1


def _line(text: str, start: int, end: int) -> str | None:
    """Return which tool a line calls; None for a line that is no call."""
    try:
        value = read_json(text[start:end])
    except UnreadableError as fault:
        raise UnreadableError(fault.message, line_at(text, start)) from None
    return _called(value)


def _called(value: Json) -> str | None:
    is_call = isinstance(value, dict) and any(key in value for key in _CALL_ARGUMENTS)
    return name_of(value) if is_call else None


def _recorded(name: str | None, number: int, start: int, end: int) -> Piece:
    kind = PartKind.RECORD if name is None else PartKind.CALL
    return Piece(kind, path_text((number,)), name, start, end)


def _after_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
