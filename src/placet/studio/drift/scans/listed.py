"""The tools that a source lists, as versions to compare."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final, cast

from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.hashing import plain_sha256
from placet.policy.sentences.tools import schema_hash_of
from placet.studio.drift.scans.model import SeenTool
from placet.studio.sources.json_pieces import name_of, read_json
from placet.studio.sources.model import PartKind, SourcePart
from placet.studio.sources.pieces import UnreadableError

TOOLS_MAX: Final = 1_000
"""Tools of one source that are compared, the first ones."""

_SCHEMAS: Final = ("inputSchema", "input_schema", "parameters")


def listed_tools(
    content: bytes, parts: Iterable[SourcePart], listed_at: datetime, *, is_redacted: bool
) -> Iterator[SeenTool]:
    """Yield the tools among the parts of a source. Of a redacted source only the names are known.

    A part that is no tool any more is left out.
    """
    spans = [part for part in parts if part.kind is PartKind.TOOL]
    for part in spans[:TOOLS_MAX]:
        tool = _tool(content[part.first_byte : part.end_byte], listed_at, is_redacted=is_redacted)
        if tool is not None:
            yield tool


def _tool(text: bytes, listed_at: datetime, *, is_redacted: bool) -> SeenTool | None:
    try:
        value = read_json(text.decode())
        name = name_of(value)
        if name is None or not isinstance(value, dict):
            return None
        inner = value.get("function")
        tool = inner if isinstance(inner, dict) else value
        found = next((tool[key] for key in _SCHEMAS if key in tool), None)
        schema = found if isinstance(found, dict | bool) and not is_redacted else None
        schema_hash = None if schema is None else schema_hash_of(_object(schema))
    except (UnreadableError, ForeignJsonError, ValueError):
        return None
    said = tool.get("description")
    is_said = isinstance(said, str) and not is_redacted
    return SeenTool(
        name=name,
        description_hash=plain_sha256(str(said).encode()).hex() if is_said else None,
        schema_hash=schema_hash,
        schema=schema,
        first_seen_at=listed_at,
        last_seen_at=listed_at,
    )


def _object(schema: dict[str, Json] | bool) -> dict[str, object] | bool:  # noqa: FBT001 -- true and false are schemas
    return cast("dict[str, object] | bool", schema)
