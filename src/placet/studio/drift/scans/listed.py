"""The tools that a source lists, as versions to compare."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Final, cast

from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.hashing import plain_sha256
from placet.policy.sentences.tools import schema_hash_of
from placet.policy.text.parse import read_text
from placet.policy.text.tree import TextError
from placet.policy.text.values import plain
from placet.studio.drift.scans.model import SeenTool
from placet.studio.sources.json_pieces import name_of, read_json
from placet.studio.sources.model import PartKind, SourceMedia, SourcePart
from placet.studio.sources.pieces import UnreadableError
from placet.studio.sources.yaml_pieces import EVENTS_MAX

TOOLS_MAX: Final = 1_000
"""Parts of one source that are read, and tools that are compared: the first ones."""

NAME_MAX: Final = 128
"""Characters of a name, as many as of one that an agent reports."""

_SCHEMAS: Final = ("inputSchema", "input_schema", "parameters")


class NotListedError(Exception):
    """A source was not read to its end: the time was up."""


def listed_tools(  # noqa: PLR0913 -- a source as it is kept, and how long it may be read
    content: bytes,
    parts: Iterable[SourcePart],
    media: SourceMedia,
    listed_at: datetime,
    *,
    is_redacted: bool,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[SeenTool]:
    """Yield the tools among the parts of a source. Of a redacted source only the names are known.

    A part that is no tool is left out, and one with no name or too long a one. A schema that
    has no foreign form is not known, nor is one in YAML with an alias, an anchor or a tag.
    `is_over` says that no further part may be read: then it raises `NotListedError`.
    """
    is_yaml = media is SourceMedia.YAML
    values = _yaml_values if is_yaml else _json_values
    may_hold = _may_hold_in_yaml if is_yaml else _may_hold_in_json
    told = _until(islice(filter(may_hold, parts), TOOLS_MAX), is_over)
    found = (value for part in told for value in values(content, part))
    for value, is_plain in islice(found, TOOLS_MAX):
        tool = _tool(value, listed_at, is_told=is_plain and not is_redacted)
        if tool is not None:
            yield tool


def _until(parts: Iterable[SourcePart], is_over: Callable[[], bool]) -> Iterator[SourcePart]:
    for part in parts:
        if is_over():
            raise NotListedError
        yield part


def _may_hold_in_json(part: SourcePart) -> bool:
    return part.kind is PartKind.TOOL


def _may_hold_in_yaml(part: SourcePart) -> bool:
    """Say whether a part may be a tool of a list, or a `result` that holds such a list."""
    if part.kind is PartKind.MEMBER:
        return part.label == "result"
    return part.kind in {PartKind.TOOL, PartKind.ITEM}


def _json_values(content: bytes, part: SourcePart) -> Iterator[tuple[Json, bool]]:
    """Yield what a part holds that may be a tool, and whether all of it can be told."""
    with suppress(UnreadableError, ValueError):
        yield read_json(content[part.first_byte : part.end_byte].decode()), True


def _yaml_values(content: bytes, part: SourcePart) -> Iterator[tuple[Json, bool]]:
    text = _in_its_place(content, part)
    try:
        node, findings = read_text(text, "yaml", EVENTS_MAX)
    except TextError:
        return
    # Words such as `n`, which older readers take for something else, are strings in YAML 1.2.
    is_plain = all(one.code == "yaml_ambiguous" for one in findings)
    value = cast("Json", plain(node))
    if part.kind is PartKind.MEMBER:
        yield from ((one, is_plain) for one in _within_result(value))
    elif part.kind is PartKind.TOOL or _has_schema(value):
        yield value, is_plain


def _in_its_place(content: bytes, part: SourcePart) -> bytes:
    """Return the text of a part, whose further lines stand as far to the right as the first one.

    What stands in one line has no further ones. So the places before all parts of a source are no
    more characters than the source has, however many parts stand in one line of it.
    """
    text = content[part.first_byte : part.end_byte]
    if b"\n" not in text and b"\r" not in text:
        return text
    breaks = (content.rfind(one, 0, part.first_byte) for one in (b"\n", b"\r"))
    before = content[max(breaks) + 1 : part.first_byte]
    return b" " * len(before.decode()) + text


def _within_result(member: Json) -> list[Json]:
    result = member.get("result") if isinstance(member, dict) else None
    found = result.get("tools") if isinstance(result, dict) else None
    return found if isinstance(found, list) else []


def _has_schema(value: Json) -> bool:
    inner = value.get("function", value) if isinstance(value, dict) else None
    return isinstance(inner, dict) and any(key in inner for key in _SCHEMAS)


def _tool(value: Json, listed_at: datetime, *, is_told: bool) -> SeenTool | None:
    name = name_of(value)
    if name is None or not isinstance(value, dict) or not 0 < len(name) <= NAME_MAX:
        return None
    inner = value.get("function")
    tool = inner if isinstance(inner, dict) else value
    said = tool.get("description")
    found = next((tool[key] for key in _SCHEMAS if key in tool), None)
    schema_hash = _schema_hash(found) if isinstance(found, dict | bool) else None
    schema = found if is_told and schema_hash is not None else None
    is_said = isinstance(said, str) and is_told
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
