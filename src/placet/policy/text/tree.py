"""A document as a tree of nodes, each with the line and column where it stands."""

import dataclasses
import re
from decimal import Decimal
from typing import Final, TypeAlias

from placet.policy.finding import Finding, Severity
from placet.policy.paths import path_text

TEXT_BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 32
DIGITS_MAX: Final = 100
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

_EXPONENT_FROM: Final = 1e21
"""From here on RFC 8785 prints a double with an exponent."""

Scalar: TypeAlias = bool | int | float | str | None
Steps: TypeAlias = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Node:
    """One value of a document. `keys` has the places of a mapping's keys."""

    value: "Scalar | list[Node] | dict[str, Node]"
    place: Place = None
    keys: dict[str, Place] = dataclasses.field(default_factory=dict)


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


def plain(node: Node) -> object:
    """Return the value of a node without its places.

    A number is what its canonical text will be read as: `1.0` is 1, and 7.1e16 the integer.
    """
    match node.value:
        case float() if node.value.is_integer() and abs(node.value) < _EXPONENT_FROM:
            return int(Decimal(repr(node.value)))
        case list():
            return [plain(inner) for inner in node.value]
        case dict():
            return {key: plain(inner) for key, inner in node.value.items()}
    return node.value


def grown(value: object) -> Node:
    """Return nodes without places for decoded JSON. Raises `TypeError` for anything else."""
    match value:
        case None | bool() | int() | float() | str():
            return Node(value)
        case list() | tuple():
            return Node([grown(inner) for inner in value])
        case dict():
            return Node({str(key): grown(inner) for key, inner in value.items()})
    message = f"a {type(value).__name__} is no JSON"
    raise TypeError(message)


def place_of(node: Node, path: str) -> Place:
    """Return where the value at a path of the document stands, or what would hold it.

    An entry under the name of a tool or a phase stands where this name is written.
    """
    here, place, at = node, node.place, 1
    while (found := _STEP.match(path, at)) is not None:
        there = _below(here, found)
        if there is None:
            break
        is_named = path[:at] in _NAMED and not isinstance(here.value, list)
        place = here.keys.get(_key(found)) if is_named else there.place
        here, at = there, found.end()
    return place


def _below(node: Node, step: re.Match[str]) -> Node | None:
    match node.value:
        case list() if step["index"] is not None and int(step["index"]) < len(node.value):
            return node.value[int(step["index"])]
        case dict():
            return node.value.get(_key(step))
    return None


def _key(step: re.Match[str]) -> str:
    return step["name"] or re.sub(r"\\(['\\])", r"\1", step["text"] or "")
