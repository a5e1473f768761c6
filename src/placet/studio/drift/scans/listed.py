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

NAME_MAX: Final = 128
"""Characters of a name, as many as of one that an agent reports."""

_SCHEMAS: Final = ("inputSchema", "input_schema", "parameters")


def listed_tools(
    content: bytes, parts: Iterable[SourcePart], listed_at: datetime, *, is_redacted: bool
) -> Iterator[SeenTool]:
    """Yield the tools among the parts of a source. Of a redacted source only the names are known.

    A part that is no tool is left out, and one with no name or too long a one. A schema that
    has no foreign form is not known.
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
    except (UnreadableError, ValueError):
        return None
    if name is None or not isinstance(value, dict) or not 0 < len(name) <= NAME_MAX:
        return None
    inner = value.get("function")
    tool = inner if isinstance(inner, dict) else value
    said = tool.get("description")
    found = next((tool[key] for key in _SCHEMAS if key in tool), None)
    schema_hash = _schema_hash(found) if isinstance(found, dict | bool) else None
    schema = None if is_redacted or schema_hash is None else found
    is_said = isinstance(said, str) and not is_redacted
    return SeenTool(
        name=name,
        description_hash=plain_sha256(str(said).encode(errors="surrogatepass")).hex()
        if is_said
        else None,
        schema_hash=None if schema is None else schema_hash,
        schema=schema,
        first_seen_at=listed_at,
        last_seen_at=listed_at,
    )


def _schema_hash(schema: dict[str, Json] | bool) -> str | None:  # noqa: FBT001 -- true and false are schemas
    try:
        return schema_hash_of(cast("dict[str, object] | bool", schema))
    except ForeignJsonError:
        return None
