"""A document as a tree of nodes, each with the line and column where it stands."""

import dataclasses
import re
from typing import Final, TypeAlias

from placet.policy.finding import Finding, Severity
from placet.policy.paths import path_text

TEXT_BYTES_MAX: Final = 1024 * 1024
VALUES_MAX: Final = 80_000
"""Values of one document. Each takes some hundred bytes, so that reading takes below 50 MB."""

DEPTH_MAX: Final = 32
DIGITS_MAX: Final = 100
KEY_MAX: Final = 500
"""Characters of a key: each finding below it repeats it."""

FINDINGS_MAX: Final = 1_000
"""Findings that are told at once; a contract with more of them is not being mended one by one."""

Place: TypeAlias = tuple[int, int] | None
"""Line and column, from 1, or None where there is no text."""

_STEP: Final = re.compile(
    r"\.(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\['(?P<text>(?:[^'\\]|\\['\\])*)'\]"
    r"|\[(?P<index>[0-9]+)\]"
)
_NAMED: Final = frozenset({"$.session.transitions", "$.session.limits.max_calls_per_tool"})
UNWRITABLE: Final = "the string holds U+0000 or half a surrogate pair"
_UNWRITABLE: Final = re.compile("[\x00\ud800-\udfff]")
_COLUMNS: Final = 1 << 21
BEGINNING: Final[Place] = (1, 1)
Scalar: TypeAlias = bool | int | float | str | None
Steps: TypeAlias = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One value of a document.

    `spot` is where it stands, and `keys` where the keys of a mapping stand, in their order. Each
    place is one number, for a large document has many of them.
    """

    value: "Scalar | list[Node] | dict[str, Node]"
    spot: int = 0
    keys: tuple[int, ...] = ()

    @property
    def place(self) -> Place:
        """Where the value stands."""
        return place(self.spot)

    def place_of_key(self, index: int) -> Place:
        """Return where a key of this mapping stands, by its number in their order."""
        return place(self.keys[index]) if self.keys else None


def spot(line: int, column: int) -> int:
    """Return a place as one number."""
    return line * _COLUMNS + column


def place(number: int) -> Place:
    """Return the place that one number stands for."""
    return divmod(number, _COLUMNS) if number else None


class TextError(ValueError):
    """A text that cannot be read at all; `finding` says what and where."""

    def __init__(self, finding: Finding) -> None:
        """Keep the finding."""
        super().__init__(finding.message)
        self.finding = finding


def error(code: str, steps: Steps, place: Place, message: str, hint: str = "") -> Finding:
    """Return an error that stands at a place of a document."""
    line, column = place or (None, None)
    return Finding(
        code=code,
        severity=Severity.ERROR,
        path=path_text(steps),
        message=message,
        hint=hint,
        line=line,
        column=column,
    )


def too_deep(steps: Steps, place: Place) -> TextError:
    """Return the fault of a document that is nested too deep."""
    message = f"the document is nested more than {DEPTH_MAX} levels deep"
    return TextError(error("too_deep", steps, place, message))


def too_many(steps: Steps, place: Place) -> TextError:
    """Return the fault of a document that holds too many values."""
    message = f"the document holds more than {VALUES_MAX:,} values"
    hint = "share the tools between several agents"
    return TextError(error("too_many_values", steps, place, message, hint))


def key_too_long(steps: Steps, key: str, place: Place) -> Finding:
    """Return the finding on a key that is too long; its path has only the beginning."""
    message = f"the key `{key[:100]}…` has more than {KEY_MAX} characters"
    return error("key_too_long", (*steps, key[:100]), place, message, "shorten it")


def size(node: Node) -> int:
    """Return how many values a node holds, itself included."""
    match node.value:
        case list():
            return 1 + sum(map(size, node.value))
        case dict():
            return 1 + sum(map(size, node.value.values()))
    return 1


def is_unwritable(text: str) -> bool:
    """Say whether a string holds U+0000 or half a surrogate pair, which no store keeps."""
    return _UNWRITABLE.search(text) is not None


def place_of(node: Node, path: str) -> Place:
    """Return where the value at a path of the document stands, or what would hold it.

    An entry under the name of a tool or a phase stands where this name is written.
    """
    here, found_at, at = node, node.place, 1
    while (found := _STEP.match(path, at)) is not None:
        there = _below(here, found)
        if there is None:
            break
        is_named = path[:at] in _NAMED
        found_at = _place_of_name(here, _key(found)) if is_named else there.place
        here, at = there, found.end()
    return found_at


def _place_of_name(node: Node, name: str) -> Place:
    assert isinstance(node.value, dict)  # noqa: S101 -- it has been bound to a mapping
    return node.place_of_key(list(node.value).index(name))


def _below(node: Node, step: re.Match[str]) -> Node | None:
    match node.value:
        case list() if step["index"] is not None and int(step["index"]) < len(node.value):
            return node.value[int(step["index"])]
        case dict():
            return node.value.get(_key(step))
    return None


def _key(step: re.Match[str]) -> str:
    return step["name"] or re.sub(r"\\(['\\])", r"\1", step["text"] or "")
