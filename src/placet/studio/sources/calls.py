"""Calls and tools, as the parts of a source tell of them."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from placet.kernel.foreign import Json
from placet.studio.sources.json_pieces import name_of, read_json
from placet.studio.sources.model import PartKind, SourcePart
from placet.studio.sources.pieces import UnreadableError

_ARGUMENTS: Final = ("arguments", "args", "input", "parameters")
_SCHEMAS: Final = ("inputSchema", "input_schema", "parameters")


class ObservedCall(NamedTuple):
    """One call, and the part that tells of it. Arguments that are no object are not observed."""

    part_id: str
    tool: str
    arguments: dict[str, Json]


class DeclaredTool(NamedTuple):
    """A tool of a list, the part that it stands in, and the schema of its arguments."""

    part_id: str
    tool: str
    schema: dict[str, Json]


def observed_calls(content: bytes, parts: Iterable[SourcePart]) -> Iterator[ObservedCall]:
    """Yield the calls among the parts of a stored content, in order.

    Those that stand line by line in what follows the last part that is told apart are among them.
    """
    for part_id, value in _read(content, parts, PartKind.CALL, PartKind.REST):
        name, arguments = name_of(value), _first(value, _ARGUMENTS)
        if isinstance(arguments, str):
            arguments = _parsed(arguments)
        if name is not None and isinstance(arguments, dict):
            yield ObservedCall(part_id, name, arguments)


def declared_tools(content: bytes, parts: Iterable[SourcePart]) -> Iterator[DeclaredTool]:
    """Yield the tools among the parts of a stored content, in order."""
    for part_id, value in _read(content, parts, PartKind.TOOL):
        name, schema = name_of(value), _first(value, _SCHEMAS)
        if name is not None and isinstance(schema, dict):
            yield DeclaredTool(part_id, name, schema)


def _read(
    content: bytes, parts: Iterable[SourcePart], *kinds: PartKind
) -> Iterator[tuple[str, dict[str, Json]]]:
    for part in parts:
        if part.kind in kinds:
            text = content[part.first_byte : part.end_byte].decode()
            for piece in text.split("\n") if part.kind is PartKind.REST else (text,):
                value = _parsed(piece)
                if isinstance(value, dict):
                    yield part.part_id, value


def _first(value: dict[str, Json], names: Iterable[str]) -> Json:
    function = value.get("function")
    inner = function if isinstance(function, dict) else value
    return next((inner[name] for name in names if name in inner), None)


def _parsed(text: str) -> Json:
    try:
        return read_json(text)
    except UnreadableError:
        return None
