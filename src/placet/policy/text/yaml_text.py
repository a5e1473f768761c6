"""YAML text to nodes with places: the 1.2 core schema, and nothing that reads two ways."""

import math
import re
from typing import Final

import yaml

from placet.policy.finding import Finding
from placet.policy.text.tree import (
    BEGINNING,
    DEPTH_MAX,
    DIGITS_MAX,
    FINDINGS_MAX,
    KEY_MAX,
    VALUES_MAX,
    Node,
    Place,
    Steps,
    TextError,
    error,
    key_too_long,
    spot,
    too_deep,
    too_many,
)

_BOM: Final = "\ufeff"
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_BREAK: Final = re.compile("[\x85\u2028\u2029]")
_DIRECTIVE: Final = re.compile(r"^\ufeff?%(?:YAML|TAG)\b", re.MULTILINE)
_BLOCK_COMMENT: Final = re.compile(r"[|>][^\n#]*#")
_NULL: Final = re.compile(r"|~|null|Null|NULL")
_TRUE: Final = re.compile(r"true|True|TRUE")
_FALSE: Final = re.compile(r"false|False|FALSE")
_WHOLE: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEX: Final = re.compile(r"0x[0-9A-Fa-f]{1,32}")
_REAL: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_UNUSUAL: Final = re.compile(r"[-+.~0-9nNtTfFyYoO]|$")
"""How every plain scalar begins that is, or could be taken for, something else than a string."""

_AMBIGUOUS: Final = (
    (re.compile(r"(?i:yes|no|on|off|y|n)"), "write true or false, or put the word in quotes"),
    (re.compile(r"[-+]?0[0-9_]+"), "write the number in decimal, or put it in quotes"),
    (re.compile(r"[-+]?0[oObB][0-9A-Fa-f_]+"), "write the number in decimal"),
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"), "put it in quotes"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?"), "put the date in quotes"),
    (re.compile(r"[-+]?\.(?i:inf)|\.(?i:nan)"), "write a number that has digits"),
    (re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?"), "write it without `_`, or in quotes"),
)


def read_yaml(text: str, room: int = VALUES_MAX) -> tuple[Node, list[Finding]]:
    """Return the document of a YAML text and everything in it that is not taken.

    It may hold as many values as there is `room`.

    Raises `TextError` for a text that is no YAML, too deep or too rich, or not exactly one
    document.
    """
    _check_characters(text)
    return _Reader(text, room).read()


def _check_characters(text: str) -> None:
    """Refuse what libyaml reads otherwise than YAML 1.2 says, or takes long to read."""
    if (found := _UNPRINTABLE.search(text, int(text.startswith(_BOM)))) is not None:
        code, message = "malformed_yaml", f"U+{ord(found[0]):04X} may not stand in a YAML text"
        hint = f'write `"\\u{ord(found[0]):04x}"` in double quotes'
    elif (found := _BREAK.search(text)) is not None:
        code, message = "yaml_ambiguous", f"U+{ord(found[0]):04X} ends a line for some readers only"
        hint = f'write `"\\u{ord(found[0]):04x}"` in double quotes'
    elif (found := _DIRECTIVE.search(text)) is not None:
        code, message = "yaml_directive", f"the directive `{found[0]}` is not taken"
        hint = "leave it out; this is YAML 1.2"
    else:
        return
    at = found.start()
    place = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    raise TextError(error(code, (), place, message, hint))


def is_plain_text(text: str) -> bool:
    """Say whether a word without quotes is read as this very string, here and elsewhere."""
    others = (_NULL, _TRUE, _FALSE, _HEX, _REAL, *(pattern for pattern, _ in _AMBIGUOUS))
    return not any(pattern.fullmatch(text) for pattern in others)


def is_printable(text: str) -> bool:
    """Say whether every character may stand in a YAML text and ends no line for some readers."""
    return _UNPRINTABLE.search(text) is None and _BREAK.search(text) is None


def has_comment(text: str) -> bool:
    """Say whether a YAML text that can be read has a comment."""
    text, at = text.removeprefix(_BOM), 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader) if "#" in text else ():
        if isinstance(event, yaml.ScalarEvent) and event.start_mark and event.end_mark:
            start = event.start_mark.index
            if "#" in text[at:start] or _BLOCK_COMMENT.match(text, start):
                return True
            at = event.end_mark.index
    return "#" in text[at:]


class _Reader:
    def __init__(self, text: str, room: int) -> None:
        self.findings: list[Finding] = []
        self.room = room
        self.events = yaml.parse(text, Loader=yaml.CSafeLoader)

    def read(self) -> tuple[Node, list[Finding]]:
        try:
            return self._document()
        except yaml.MarkedYAMLError as fault:
            mark = fault.problem_mark
            place = None if mark is None else (mark.line + 1, mark.column + 1)
            message = f"the text is no YAML: {fault.problem}"
            raise TextError(error("malformed_yaml", (), place, message)) from None
        except yaml.YAMLError as fault:
            message = f"the text is no YAML: {str(fault).splitlines()[0]}"
            raise TextError(error("malformed_yaml", (), None, message)) from None

    def _document(self) -> tuple[Node, list[Finding]]:
        next(self.events)
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            raise TextError(error("malformed_yaml", (), BEGINNING, "the text is empty"))
        node = self._node(next(self.events), (), 0)
        next(self.events)
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            message = "there is a second document"
            raise TextError(error("yaml_documents", (), _place(after), message, "keep one of them"))
        return node, self.findings

    def _refuse(self, event: yaml.Event, steps: Steps, code: str, message: str, hint: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self._tell(error(code, steps, _place(event), message, hint))

    def _tell(self, finding: Finding) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)

    def _node(self, event: yaml.Event, steps: Steps, depth: int) -> Node:
        self.room -= 1
        if self.room < 0:
            raise too_many(steps, _place(event))
        if isinstance(event, yaml.AliasEvent):
            hint = "write the value out"
            name = (event.anchor or "")[:100]
            self._refuse(event, steps, "yaml_alias", f"`*{name}` is not taken", hint)
            return Node(None, _spot(event))
        self._check_properties(event, steps)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, steps)
        if depth == DEPTH_MAX:
            raise too_deep(steps, _place(event))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(event, steps, depth + 1)
        return self._mapping(event, steps, depth + 1)

    def _check_properties(self, event: yaml.Event, steps: Steps) -> None:
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            return
        if event.anchor is not None:
            hint = "leave the anchor out"
            name = event.anchor[:100]
            self._refuse(event, steps, "yaml_anchor", f"`&{name}` is not taken", hint)
        if event.tag is not None:
            hint = "leave the tag out; quotes make a string"
            self._refuse(
                event, steps, "yaml_tag", f"the tag `{event.tag[:100]}` is not taken", hint
            )

    def _sequence(self, start: yaml.Event, steps: Steps, depth: int) -> Node:
        values: list[Node] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            values.append(self._node(event, (*steps, len(values)), depth))
        return Node(values, _spot(start))

    def _mapping(self, start: yaml.Event, steps: Steps, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: list[int] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, steps, depth)
            node = self._node(next(self.events), (*steps, key), depth)
            if key in values:
                message = f"the key `{key[:100]}` stands twice"
                self._refuse(event, (*steps, key), "duplicate_key", message, "keep one of them")
            else:
                values[key] = node
                keys.append(_spot(event))
        return Node(values, _spot(start), tuple(keys))

    def _key(self, event: yaml.Event, steps: Steps, depth: int) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.implicit[0] and event.value == "<<":
            hint = "write the keys out"
            self._refuse(event, steps, "yaml_merge", "a merge key is not taken", hint)
            return "<<"
        self.room += 1  # a key is no value of its own
        node = self._node(event, steps, depth)
        if isinstance(node.value, str):
            return self._checked(node.value, event, steps)
        hint = "put the key in quotes"
        self._refuse(event, steps, "yaml_key", "a key that is no string is not taken", hint)
        return str(node.value) if not isinstance(node.value, list | dict) else ""

    def _checked(self, key: str, event: yaml.Event, steps: Steps) -> str:
        """Return a key, or the beginning of one that is too long, which is told."""
        if len(key) <= KEY_MAX:
            return key
        self._tell(key_too_long(steps, key, _place(event)))
        return key[:KEY_MAX]

    def _scalar(self, event: yaml.ScalarEvent, steps: Steps) -> Node:
        text = event.value
        if "\x00" in text:
            self._refuse(event, steps, "malformed_yaml", "the string holds U+0000", "leave it out")
        if not event.implicit[0] or not _UNUSUAL.match(text):
            return Node(str(text), _spot(event))
        for pattern, hint in _AMBIGUOUS if len(text) <= DIGITS_MAX else ():
            if pattern.fullmatch(text):
                message = f"`{text[:100]}` reads in two ways"
                self._refuse(event, steps, "yaml_ambiguous", message, hint)
                return Node(text, _spot(event))
        return Node(self._plain(event, steps), _spot(event))

    def _plain(self, event: yaml.ScalarEvent, steps: Steps) -> bool | int | float | str | None:
        text = event.value
        if _NULL.fullmatch(text):
            return None
        if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
            return _TRUE.fullmatch(text) is not None
        if _HEX.fullmatch(text):
            return int(text, 16)
        if not _REAL.fullmatch(text):
            return str(text)
        if len(text) > DIGITS_MAX:
            message = f"a number has at most {DIGITS_MAX} characters"
            self._refuse(event, steps, "malformed_yaml", message, "put it in quotes")
            return 0
        if _WHOLE.fullmatch(text):
            return int(text)
        if not math.isfinite(number := float(text)):
            message = "the number is beyond the range of a double"
            self._refuse(event, steps, "malformed_yaml", message, "put it in quotes")
            return 0
        return number


def _spot(event: yaml.Event) -> int:
    place = _place(event)
    return 0 if place is None else spot(*place)


def _place(event: yaml.Event) -> Place:
    if event.start_mark is None:
        return None
    return event.start_mark.line + 1, event.start_mark.column + 1
