"""What a YAML text consists of, read as events: no tag makes an object, no alias is expanded."""

import re
from collections.abc import Iterator
from typing import Final

import yaml

from placet.policy.paths import path_text
from placet.studio.sources.model import PartKind
from placet.studio.sources.pieces import Piece, UnreadableError

BYTES_MAX: Final = 1024 * 1024
EVENTS_MAX: Final = 100_000
DEPTH_MAX: Final = 64
_REDACTED: Final = re.compile(r"\[(redacted:\w+)\]")
_NAMES: Final = frozenset({"name", "tool", "title", "id"})


def yaml_pieces(text: str) -> Iterator[Piece]:
    """Yield the members or items of every document, and each item of a list of tools.

    Raises `UnreadableError` before the first.
    """
    if len(text) > BYTES_MAX or len(text.encode()) > BYTES_MAX:
        message = "the text has more than 1 MiB, which is too much for YAML"
        raise UnreadableError(message)
    # A scalar that begins with what stands for a secret would otherwise begin a list.
    shadow = _REDACTED.sub(r"<\1>", text)
    try:
        return iter(list(_Reader(shadow).read()))
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark
        message = "the text is not YAML"
        raise UnreadableError(message, None if mark is None else mark.line + 1) from None
    except yaml.YAMLError:
        message = "the text is not YAML"
        raise UnreadableError(message) from None


class _Reader:
    """Reads events and keeps the first two levels of each document."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.count = 0
        self.events = yaml.parse(text, Loader=yaml.CSafeLoader)

    def read(self) -> Iterator[Piece]:
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.MappingStartEvent):
                yield from self._mapping()
            elif isinstance(event, yaml.SequenceStartEvent):
                yield from self._sequence((), PartKind.ITEM)
            elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
                yield self._piece(PartKind.VALUE, (), None, _start(event), _end(event))

    def _mapping(self) -> Iterator[Piece]:
        while not isinstance(key := self._next(), yaml.MappingEndEvent):
            name = key.value if isinstance(key, yaml.ScalarEvent) else ""
            end = self._skip(key)
            value = self._next()
            if name == "tools" and isinstance(value, yaml.SequenceStartEvent):
                yield from self._sequence((name,), PartKind.TOOL)
            else:
                end = self._skip(value)
                yield self._piece(PartKind.MEMBER, (name,), name, _start(key), end)

    def _sequence(self, steps: tuple[str, ...], kind: PartKind) -> Iterator[Piece]:
        index = 0
        while not isinstance(item := self._next(), yaml.SequenceEndEvent):
            label, end = self._named(item)
            yield self._piece(kind, (*steps, index), label, _start(item), end)
            index += 1

    def _named(self, item: yaml.Event) -> tuple[str | None, int]:
        """Read an item, and return what it is called and where it ends."""
        if not isinstance(item, yaml.MappingStartEvent):
            return None, self._skip(item)
        label = None
        while not isinstance(key := self._next(), yaml.MappingEndEvent):
            self._skip(key)
            value = self._next()
            is_name = isinstance(key, yaml.ScalarEvent) and key.value in _NAMES
            if label is None and is_name and isinstance(value, yaml.ScalarEvent):
                label = value.value
            self._skip(value)
        return label, _end(key)

    def _skip(self, event: yaml.Event) -> int:
        """Read on to the end of the node that an event begins, and return where it ends."""
        depth = 0
        while True:
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > DEPTH_MAX:
                    message = f"the text is nested more than {DEPTH_MAX} levels deep"
                    raise UnreadableError(message)
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return _end(event)
            event = self._next()

    def _next(self) -> yaml.Event:
        self.count += 1
        if self.count > EVENTS_MAX:
            message = f"the text holds more than {EVENTS_MAX:,} values"
            raise UnreadableError(message)
        return next(self.events)

    def _piece(
        self, kind: PartKind, steps: tuple[str | int, ...], label: str | None, start: int, end: int
    ) -> Piece:
        end = start + len(self.text[start:end].rstrip())
        return Piece(kind, path_text(steps), label, start, end)


def _start(event: yaml.Event) -> int:
    return event.start_mark.index if event.start_mark else 0


def _end(event: yaml.Event) -> int:
    return event.end_mark.index if event.end_mark else 0
