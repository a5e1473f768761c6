"""What a Markdown or plain text consists of: sections under headings, and paragraphs."""

import re
from collections.abc import Iterator
from typing import Final

from placet.studio.sources.model import PartKind
from placet.studio.sources.pieces import Piece

_BREAK: Final = re.compile(r"\n(?:[ \t\r]*+\n)++")
_MARK: Final = re.compile(
    r"""^\ {0,3}(?:
        (?P<fence>`{3,}+|~{3,}+)
      | (?P<level>\#{1,6})(?:[ \t]++(?P<title>[^\n]*+))?$
      | (?P<under>[^\s\#>|*+\-`~][^\n]*+)\n\ {0,3}(?:(?P<double>=++)|-{2,}+)[ \t\r]*+$
    )""",
    re.MULTILINE | re.VERBOSE,
)
_FRONT: Final = re.compile(r"---[ \t\r]*\n.*?^(?:---|\.\.\.)[ \t\r]*$", re.DOTALL | re.MULTILINE)


def text_pieces(text: str) -> Iterator[Piece]:
    """Yield the paragraphs of a text: what stands between empty lines."""
    at = 0
    for found in _BREAK.finditer(text):
        yield from _trimmed(PartKind.PARAGRAPH, None, None, text, at, found.start())
        at = found.end()
    yield from _trimmed(PartKind.PARAGRAPH, None, None, text, at, len(text))


def markdown_pieces(text: str) -> Iterator[Piece]:
    """Yield the sections of a Markdown text, each from its heading to the next of any level.

    The path of a section is its heading below those that it stands under.
    """
    front = _FRONT.match(text)
    above: list[tuple[int, str]] = []
    begun = 0
    for at, level, title in _headings(text, front.end() if front else 0):
        yield from _section(text, begun, at, above)
        above = [*(pair for pair in above if pair[0] < level), (level, title)]
        begun = at
    yield from _section(text, begun, len(text), above)


def _headings(text: str, at: int) -> Iterator[tuple[int, int, str]]:
    """Yield where each heading begins, its level and its text; code blocks have none."""
    fence = ""
    for found in _MARK.finditer(text, at):
        mark = found["fence"]
        if fence:
            fence = "" if mark and mark.startswith(fence) else fence
        elif mark:
            fence = mark
        elif found["level"]:
            yield found.start(), len(found["level"]), (found["title"] or "").strip(" \t\r#")
        elif found["under"]:
            yield found.start(), 1 if found["double"] else 2, found["under"].strip()


def _section(text: str, start: int, end: int, above: list[tuple[int, str]]) -> Iterator[Piece]:
    path = " > ".join(title for _, title in above) or None
    label = above[-1][1] if above else None
    yield from _trimmed(PartKind.SECTION, path, label, text, start, end)


def _trimmed(  # noqa: PLR0913, PLR0917 -- the fields of a piece, and the text that it is cut from
    kind: PartKind, path: str | None, label: str | None, text: str, start: int, end: int
) -> Iterator[Piece]:
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    if part.strip():
        yield Piece(kind, path, label, start, start + len(part.strip()))
