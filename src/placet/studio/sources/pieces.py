"""What readers of every media type say of a text: its pieces, or why it cannot be read."""

from typing import NamedTuple

from placet.studio.sources.model import PartKind


class Piece(NamedTuple):
    """A span of a text, from `start` to before `end` in characters, and what it is."""

    kind: PartKind
    path: str | None
    label: str | None
    start: int
    end: int


class UnreadableError(ValueError):
    """A text is not of its media type, or is too much of it."""

    def __init__(self, message: str, line: int | None = None) -> None:
        """Say what is wrong, in words that hold nothing of the text, and at which line."""
        super().__init__(message)
        self.message = message
        self.line = line


def line_at(text: str, at: int) -> int:
    """Return the line of a character, from 1."""
    return text.count("\n", 0, at) + 1
