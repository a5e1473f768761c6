"""JSON text to nodes with places: RFC 8259, each key once, within bounds."""

import json
import math
import re
from typing import Final, NoReturn, TypeAlias

from placet.policy.finding import Finding
from placet.policy.text.tree import (
    DEPTH_MAX,
    DIGITS_MAX,
    FINDINGS_MAX,
    KEY_MAX,
    UNWRITABLE,
    VALUES_MAX,
    Node,
    Place,
    Steps,
    TextError,
    error,
    is_unwritable,
    key_too_long,
    place,
    spot,
    too_deep,
    too_many,
)

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}
_BOM: Final = "\ufeff"

_Read: TypeAlias = tuple[Node, int]


def read_json(text: str, room: int = VALUES_MAX) -> tuple[Node, list[Finding]]:
    """Return the document of a JSON text and its duplicate keys, of which the first is taken.

    It may hold as many values as there is `room`.

    Raises `TextError` for a text that is no JSON, too deep or too rich, or holds what no contract
    can.
    """
    return _Reader(text, room).read()


class _Reader:
    def __init__(self, text: str, room: int) -> None:
        self.text = text
        self.findings: list[Finding] = []
        self.line = 1
        self.line_start = 0
        self.counted_to = 0
        self.room = room

    def read(self) -> tuple[Node, list[Finding]]:
        if self.text.startswith(_BOM):
            self._fail(0, (), "the text begins with a byte order mark", "save it without one")
        node, end = self._value(self._skip(0), (), 0)
        end = self._skip(end)
        if end != len(self.text):
            self._fail(end, (), "there is text after the document")
        return node, self.findings

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self.text, at)
        return at if found is None else found.end()

    def _spot(self, at: int) -> int:
        """Return the place of an offset; offsets are asked for in rising order."""
        breaks = self.text.count("\n", self.counted_to, at)
        if breaks:
            self.line += breaks
            self.line_start = self.text.rindex("\n", 0, at) + 1
        self.counted_to = max(at, self.counted_to)
        return spot(self.line, at - self.line_start + 1)

    def _place(self, at: int) -> Place:
        line = self.text.count("\n", 0, at) + 1
        return line, at - (self.text.rfind("\n", 0, at) + 1) + 1

    def _fail(self, at: int, steps: Steps, message: str, hint: str = "") -> NoReturn:
        raise TextError(error("malformed_json", steps, self._place(at), message, hint))

    def _value(self, at: int, steps: Steps, depth: int) -> _Read:
        head = self.text[at : at + 1]
        here = self._spot(at)
        self.room -= 1
        if self.room < 0:
            raise too_many(steps, self._place(at))
        if head in {"{", "["} and depth == DEPTH_MAX:
            raise too_deep(steps, self._place(at))
        if head == "{":
            return self._mapping(at + 1, here, steps, depth + 1)
        if head == "[":
            return self._sequence(at + 1, here, steps, depth + 1)
        if head == '"':
            text, end = self._string(at, steps)
            return Node(text, here), end
        for word, value in _WORDS.items():
            if self.text.startswith(word, at):
                return Node(value, here), at + len(word)
        return self._number(at, here, steps)

    def _mapping(self, at: int, here: int, steps: Steps, depth: int) -> _Read:
        values: dict[str, Node] = {}
        keys: list[int] = []
        at = self._skip(at)
        if self.text.startswith("}", at):
            return Node(values, here, tuple(keys)), at + 1
        while True:
            if not self.text.startswith('"', at):
                self._fail(at, steps, "a key in double quotes belongs here")
            here_key = self._spot(at)
            key, at = self._string(at, steps)
            key = self._checked(key, here_key, steps)
            at = self._expect(":", self._skip(at), steps)
            node, at = self._value(self._skip(at), (*steps, key), depth)
            if key in values:
                self._twice(key, here_key, steps)
            else:
                values[key] = node
                keys.append(here_key)
            at = self._skip(at)
            if self.text.startswith("}", at):
                return Node(values, here, tuple(keys)), at + 1
            at = self._skip(self._expect(",", at, steps))

    def _checked(self, key: str, here: int, steps: Steps) -> str:
        """Return a key, or the beginning of one that is too long, which is told."""
        if len(key) <= KEY_MAX:
            return key
        self._tell(key_too_long(steps, key, place(here)))
        return key[:KEY_MAX]

    def _twice(self, key: str, here: int, steps: Steps) -> None:
        message, hint = f"the key `{key[:100]}` stands twice", "keep one of them"
        self._tell(error("duplicate_key", (*steps, key), place(here), message, hint))

    def _tell(self, finding: Finding) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)

    def _sequence(self, at: int, here: int, steps: Steps, depth: int) -> _Read:
        values: list[Node] = []
        at = self._skip(at)
        if self.text.startswith("]", at):
            return Node(values, here), at + 1
        while True:
            node, at = self._value(self._skip(at), (*steps, len(values)), depth)
            values.append(node)
            at = self._skip(at)
            if self.text.startswith("]", at):
                return Node(values, here), at + 1
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
        if is_unwritable(text):
            self._fail(at, steps, UNWRITABLE, "leave it out")
        return text, found.end()

    def _number(self, at: int, here: int, steps: Steps) -> _Read:
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
        return Node(number, here), found.end()
