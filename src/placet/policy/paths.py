"""Paths: `$`, then any of `.name`, `['any text']`, `[0]`, `[*]`."""

import dataclasses
import functools
import re
from enum import Enum
from typing import Final, Literal, TypeAlias

from placet.kernel.foreign import Json

PARTS_MAX: Final = 16
PARSED_KEPT: Final = 4_096

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PART: Final = re.compile(
    r"\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\['(?P<text>(?:[^'\\]|\\['\\])*)'\]"
    r"|\[(?P<index>0|[1-9][0-9]{0,8})\]"
    r"|(?P<every>\[\*\])"
)


class Absent(Enum):
    """The one value that stands for no value."""

    MISSING = "missing"


MISSING: Final = Absent.MISSING
Missing: TypeAlias = Literal[Absent.MISSING]
Selected: TypeAlias = Json | Missing


class Every(Enum):
    """The part `[*]`."""

    ELEMENT = "*"


Part: TypeAlias = str | int | Every


class PathError(ValueError):
    """A text that is no path of the language."""


@dataclasses.dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `text` is its canonical form; `is_many` says whether it has a `[*]`.

    `only` is the one name of the commonest kind of path, `$.name`.
    """

    text: str
    parts: tuple[Part, ...]
    is_many: bool
    only: str | None = None


@functools.lru_cache(maxsize=PARSED_KEPT)
def parse_path(text: str) -> Path:
    """Return the path that a text stands for. Raises `PathError` with the reason."""
    if not text.startswith("$"):
        message = "a path begins with `$`"
        raise PathError(message)
    parts: list[Part] = []
    position = 1
    while position < len(text):
        found = _PART.match(text, position)
        if found is None:
            message = f"`{text[position:][:40]}` is no `.name`, `['text']`, `[0]` or `[*]`"
            raise PathError(message)
        parts.append(_part(found))
        position = found.end()
    if len(parts) > PARTS_MAX:
        message = f"a path has at most {PARTS_MAX} parts"
        raise PathError(message)
    only = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else None
    return Path(path_text(tuple(parts)), tuple(parts), Every.ELEMENT in parts, only)


def _part(found: re.Match[str]) -> Part:
    if found["name"] is not None:
        return found["name"]
    if found["text"] is not None:
        return re.sub(r"\\(['\\])", r"\1", found["text"])
    if found["index"] is not None:
        return int(found["index"])
    return Every.ELEMENT


def path_text(parts: tuple[Part, ...]) -> str:
    """Return the canonical text of these parts."""
    out = ["$"]
    for part in parts:
        match part:
            case Every():
                out.append("[*]")
            case int():
                out.append(f"[{part}]")
            case str() if _NAME.fullmatch(part):
                out.append(f".{part}")
            case str():
                escaped = part.replace("\\", "\\\\").replace("'", "\\'")
                out.append(f"['{escaped}']")
    return "".join(out)


def find(path: Path, document: Json) -> Selected:
    """Return the one value at a path without `[*]`, or `MISSING`."""
    if path.only is not None:
        return document.get(path.only, MISSING) if isinstance(document, dict) else MISSING
    here: Selected = document
    for part in path.parts:
        if isinstance(part, str):
            if not isinstance(here, dict):
                return MISSING
            here = here.get(part, MISSING)
        elif isinstance(part, int):
            if not isinstance(here, list) or part >= len(here):
                return MISSING
            here = here[part]
        else:
            return MISSING
    return here


def select(path: Path, document: Json) -> list[Selected]:
    """Return every value at a path, `MISSING` in the place of each that is not there.

    The list is never empty: a `[*]` over an empty list, or over no list, selects `MISSING`.
    """
    if not path.is_many:
        return [find(path, document)]
    heres: list[Selected] = [document]
    for part in path.parts:
        heres = [there for here in heres for there in _step(part, here)]
    return heres


def _step(part: Part, here: Selected) -> list[Selected]:
    match part, here:
        case str(), dict():
            return [here.get(part, MISSING)]
        case int(), list() if part < len(here):
            return [here[part]]
        case Every(), list() if here:
            return list(here)
    return [MISSING]


def without(path: Path, document: Json) -> Json:
    """Return a copy of a document without the values at a path, null in the place of elements."""
    if path.only is not None and isinstance(document, dict):
        return {key: inner for key, inner in document.items() if key != path.only}
    return _without(path.parts, document)


def _without(parts: tuple[Part, ...], here: Json) -> Json:
    if not parts:
        return None
    part, rest = parts[0], parts[1:]
    match part, here:
        case str(), dict() if part in here:
            if not rest:
                return {key: inner for key, inner in here.items() if key != part}
            return {**here, part: _without(rest, here[part])}
        case int(), list() if part < len(here):
            return [*here[:part], _without(rest, here[part]), *here[part + 1 :]]
        case Every(), list():
            return [_without(rest, inner) for inner in here]
    return here


def is_under(parts: tuple[Part, ...], above: tuple[Part, ...]) -> bool:
    """Say whether a place is at or under another one, `[*]` standing for any index."""
    return len(parts) >= len(above) and all(
        here == there
        or (
            isinstance(here, int | Every) and isinstance(there, int | Every) and _meets(here, there)
        )
        for here, there in zip(parts, above, strict=False)
    )


def touches(path: Path, others: tuple[Path, ...]) -> bool:
    """Say whether a path is at, under or above one of these."""
    return any(
        is_under(path.parts, other.parts) or is_under(other.parts, path.parts) for other in others
    )


def _meets(here: int | Every, there: int | Every) -> bool:
    return isinstance(here, Every) or isinstance(there, Every)
