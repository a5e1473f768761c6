"""JSON text to nodes with places: RFC 8259, each key once, within bounds."""

import json
import math
import re
from typing import Final, NoReturn, TypeAlias

from placet.policy.finding import Finding
from placet.policy.text.tree import (
    DEPTH_MAX,
    DIGITS_MAX,
    Node,
    Place,
    Steps,
    TextError,
    error,
)

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_Read: TypeAlias = tuple[Node, int]


def read_json(text: str) -> tuple[Node, list[Finding]]:
    """Return the document of a JSON text and its duplicate keys, of which the first is taken.

    Raises `TextError` for a text that is no JSON, too deep, or holds what no contract can.
    """
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.findings: list[Finding] = []
        self.line = 1
        self.line_start = 0
        self.counted_to = 0

    def read(self) -> tuple[Node, list[Finding]]:
        node, end = self._value(self._skip(0), (), 0)
        end = self._skip(end)
        if end != len(self.text):
            self._fail(end, (), "there is text after the document")
        return node, self.findings

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return at if found is None else found.end()

    def _place(self, at: int) -> Place:
        """Return line and column of an offset; offsets are asked for in rising order."""
        breaks = self.text.count("\n", self.counted_to, at)
        if breaks:
            self.line += breaks
            self.line_start = self.text.rindex("\n", 0, at) + 1
        self.counted_to = max(at, self.counted_to)
        return self.line, at - self.line_start + 1

    def _fail(self, at: int, steps: Steps, message: str, code: str = "malformed_json") -> NoReturn:
        line = self.text.count("\n", 0, at) + 1
        column = at - (self.text.rfind("\n", 0, at) + 1) + 1
        raise TextError(error(code, steps, (line, column), message))

    def _value(self, at: int, steps: Steps, depth: int) -> _Read:
        head = self.text[at : at + 1]
        place = self._place(at)
        if head in {"{", "["} and depth == DEPTH_MAX:
            message = f"the document is nested more than {DEPTH_MAX} levels deep"
            self._fail(at, steps, message, "too_deep")
        if head == "{":
            return self._mapping(at + 1, place, steps, depth + 1)
        if head == "[":
            return self._sequence(at + 1, place, steps, depth + 1)
        if head == '"':
            text, end = self._string(at, steps)
            return Node(text, place), end
        for word, value in _WORDS.items():
            if self.text.startswith(word, at):
                return Node(value, place), at + len(word)
        return self._number(at, place, steps)

    def _mapping(self, at: int, place: Place, steps: Steps, depth: int) -> _Read:
        values: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        at = self._skip(at)
        if self.text.startswith("}", at):
            return Node(values, place, keys), at + 1
        while True:
            if not self.text.startswith('"', at):
                self._fail(at, steps, "a key in double quotes belongs here")
            key_place = self._place(at)
            key, at = self._string(at, steps)
            at = self._expect(":", self._skip(at), steps)
            node, at = self._value(self._skip(at), (*steps, key), depth)
            if key in values:
                message = f"the key `{key[:100]}` stands twice"
                self.findings.append(
                    error("duplicate_key", (*steps, key), key_place, message, "keep one of them")
                )
            else:
                values[key], keys[key] = node, key_place
            at = self._skip(at)
            if self.text.startswith("}", at):
                return Node(values, place, keys), at + 1
            at = self._skip(self._expect(",", at, steps))

    def _sequence(self, at: int, place: Place, steps: Steps, depth: int) -> _Read:
        values: list[Node] = []
        at = self._skip(at)
        if self.text.startswith("]", at):
            return Node(values, place), at + 1
        while True:
            node, at = self._value(self._skip(at), (*steps, len(values)), depth)
            values.append(node)
            at = self._skip(at)
            if self.text.startswith("]", at):
                return Node(values, place), at + 1
            at = self._expect(",", at, steps)

    def _expect(self, mark: str, at: int, steps: Steps) -> int:
        if not self.text.startswith(mark, at):
            self._fail(at, steps, f"`{mark}` belongs here")
        return at + 1

    def _string(self, at: int, steps: Steps) -> tuple[str, int]:
        found = _STRING.match(self.text, at)
        if found is None:
            self._fail(at, steps, "the string is no JSON")
        text: str = json.loads(found[0])
        if "\x00" in text or _SURROGATE.search(text):
            message = "the string holds U+0000 or half a surrogate pair"
            self._fail(at, steps, message)
        return text, found.end()

    def _number(self, at: int, place: Place, steps: Steps) -> _Read:
        found = _NUMBER.match(self.text, at)
        if found is None:
            self._fail(at, steps, "a value belongs here")
        token = found[0]
        if len(token) > DIGITS_MAX:
            message = f"a number has at most {DIGITS_MAX} characters"
            self._fail(at, steps, message)
        number = float(token) if found["rest"] else int(token)
        if not math.isfinite(number):
            message = "the number is beyond the range of a double"
            self._fail(at, steps, message)
        return Node(number, place), found.end()
