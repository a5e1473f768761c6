"""The form of recorded calls: one JSON object a line, one line a step."""

import itertools
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, field

from placet.kernel import foreign
from placet.kernel.foreign import DEPTH_MAX, ForeignJsonError, Json
from placet.kernel.value import Input

_PLACE: Final = re.compile(
    r"(?P<what>.*?)(?: - at `(?P<key>key` in `)?\$(?P<path>.*)`)?", re.DOTALL
)
_INDEX: Final = re.compile(r"^(tool_calls|approved|failed)\.(\d+)")
_SHOWN_MAX: Final = 100
_SOME_MEMBER: Final = "[...]"
_MEMBER: Final = re.compile(r"Object (?:contains unknown|missing required) field `(?P<name>.*)`")
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode

CallId = Annotated[str, Meta(min_length=1, max_length=1_000)]
"""The id of a recorded call: once in a recording."""

Micros = Annotated[int, Meta(ge=0)]


class FunctionCall(Input, frozen=True):
    """A tool's name and the JSON text of its arguments, as the model wrote it."""

    name: str
    arguments: str


class ToolCall(Input, frozen=True):
    """One call, in the form of a chat completion."""

    id: CallId
    function: FunctionCall
    type: Literal["function"] = "function"


class Line(Input, frozen=True):
    """One step: a response with its calls, and what became known by then.

    `principal` counts for this line alone; `labels` replace those of the same name, and last. The
    ids in `approved`, `outputs`, `failed` and `cost_micros` are of calls of this or an earlier
    line: `outputs` are what committed calls gave, `failed` are calls without effect.
    """

    at: Annotated[datetime, Meta(tz=True)]
    tool_calls: tuple[ToolCall, ...]
    principal: dict[str, object] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    approved: tuple[CallId, ...] = ()
    outputs: dict[CallId, object] = field(default_factory=dict)
    failed: tuple[CallId, ...] = ()
    cost_micros: dict[CallId, Micros] = field(default_factory=dict)


_OF_MEMBERS: Final = {"labels": str, "cost_micros": Micros}


class LineError(ValueError):
    """A line that is no step. `field` is where it is wrong, empty for the line as a whole.

    `step` counts the steps up to this one, from 1, where the line was read and cannot be the next.
    """

    def __init__(self, *, field: str, message: str) -> None:
        """Say what is wrong, and where."""
        super().__init__(f"field `{field}`: {message}" if field else message)
        self.field = field
        self.message = message
        self.step: int | None = None


class LineReader:
    """Reads steps off lines of bytes. `number` is the line that was read last, from 1."""

    def __init__(self, raw: Iterable[bytes]) -> None:
        """Read from `raw`, which gives one line at a time; blank ones are passed over."""
        self._raw = raw
        self.number = 0

    def __iter__(self) -> Iterator[Line]:
        """Yield the steps. Raises `LineError` at the first line that is none."""
        for raw in self._raw:
            self.number += 1
            if text := raw.strip():
                yield read_line(text)


def read_ahead(lines: Iterable[Line], count: int) -> Iterator[list[Line]]:
    """Yield all lines, so many at a time; those before one that is no step come before its error.

    Raises `LineError`.
    """
    read: list[Line] = []
    try:
        for line in lines:
            read.append(line)
            if len(read) == count:
                yield read
                read = []
    except LineError:
        yield read
        raise
    yield read


def number_of(step: int, raw: Iterable[bytes]) -> int:
    """Return the number, from 1, of the line that tells a step."""
    told = (number for number, text in enumerate(raw, 1) if text.strip())
    return next(itertools.islice(told, step - 1, None))


def read_line(text: bytes) -> Line:
    """Return the step that one line tells. Raises `LineError` for anything else."""
    try:
        value = _parse(text)
    except ForeignJsonError as fault:
        raise _json_error(fault) from None
    try:
        return msgspec.convert(value, Line)
    except msgspec.ValidationError as fault:
        raise _line_error(str(fault), value) from None


def _parse(text: bytes) -> Json:
    """Return what `foreign.parse` returns, several times as fast for most lines.

    A text that is written again just as it stood has no key twice, no number that reads in two
    ways and no odd string; any other, and one with many brackets, is read the strict way.
    """
    if b"\\u" not in text and text.count(b"{") + text.count(b"[") <= DEPTH_MAX:
        try:
            value: Json = _decode(text)
            if _encode(value) == msgspec.json.format(text, indent=-1):
                return value
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # what is wrong, the strict reading tells
    return foreign.parse(text)


def _json_error(fault: ForeignJsonError) -> LineError:
    place = fault.pointer_or_offset
    if isinstance(place, str) and place:
        path = place[1:].replace("/", ".").replace("~1", "/").replace("~0", "~")
        return LineError(field=_INDEX.sub(r"\1[\2]", path), message=fault.message)
    where = f" (at byte {place})" if isinstance(place, int) else ""
    return LineError(field="", message=f"the line cannot be read: {fault.message}{where}")


def _line_error(said: str, value: Json) -> LineError:
    found = _PLACE.fullmatch(said)
    what, path = (found["what"], found["path"] or "") if found else (said, "")
    if member := _MEMBER.fullmatch(what):
        path = f"{path}.{member['name']}"
        what = "this field is missing" if "missing" in what else "there is no such field"
    path = path.removeprefix(".")
    if path.endswith(_SOME_MEMBER):
        path = _wrong_member(path.removesuffix(_SOME_MEMBER), value) or path
    what = what[:1].lower() + what[1:]
    return LineError(field=path, message=f"a key: {what}" if found and found["key"] else what)


def _wrong_member(name: str, value: Json) -> str | None:
    """Return the place of the first value in a field that is none of its kind."""
    members = value.get(name) if isinstance(value, dict) else None
    if not isinstance(members, dict) or name not in _OF_MEMBERS:
        return None
    for key, one in members.items():
        try:
            msgspec.convert(one, _OF_MEMBERS[name])
        except msgspec.ValidationError:
            return f"{name}.{key[:_SHOWN_MAX]}"
    return None
