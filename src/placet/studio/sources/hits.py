"""Where in a text something stands that must not be kept, and how escapes are looked through."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from operator import itemgetter
from typing import Final, NamedTuple

from placet.studio.sources.model import FindingKind

_ESCAPED: Final = re.compile(r"\\u00([2-7][0-9A-Fa-f])")
_ESCAPE_GROWTH: Final = 5
"""Characters by which `\\u0040` is longer than what it stands for."""


class Hit(NamedTuple):
    """What stands from `start` to before `end`, in characters, and must not be kept."""

    start: int
    end: int
    kind: FindingKind


class View:
    """A text as the patterns see it: with the escapes of JSON strings looked through.

    A line end or a tab in a string is two blanks, an escaped quote has U+0001 before it, two
    backslashes are two U+0000: all as long as in the text, which holds neither. An escaped ASCII
    character is itself, so that places behind it have to be counted back.
    """

    def __init__(self, text: str) -> None:
        """Look at a text that holds no U+0000 or U+0001 of its own."""
        self._escapes: list[int] = []
        if "\\" in text:
            text = text.replace("\\\\", "\x00\x00").replace('\\"', '\x01"').replace("\\/", "//")
            for letter in "nrt":
                text = text.replace(f"\\{letter}", "  ")
        if "\\u00" in text:
            text = _ESCAPED.sub(self._plain, text)
        self.text = text
        self.low = text.replace("\u0130", "i").lower()  # the one letter that grows in lower case

    def words(self, word: str) -> Iterator[int]:
        """Yield where each occurrence of a word ends, in whatever case, also within others."""
        at = self.low.find(word)
        while at >= 0:
            yield at + len(word)
            at = self.low.find(word, at + len(word))

    def hit(self, start: int, end: int, kind: FindingKind) -> Hit:
        """Return what was found in the view by its place in the text."""
        if not self._escapes:
            return Hit(start, end, kind)
        return Hit(self._place(start), self._place(end), kind)

    def _plain(self, escape: re.Match[str]) -> str:
        self._escapes.append(escape.start() - _ESCAPE_GROWTH * len(self._escapes))
        return chr(int(escape[1], 16))

    def _place(self, at: int) -> int:
        return at + _ESCAPE_GROWTH * bisect_left(self._escapes, at)


def merged(hits: list[Hit]) -> list[Hit]:
    """Return hits in order, those that overlap as one of the first one's kind."""
    found: list[Hit] = []
    for hit in sorted(hits, key=itemgetter(0)):
        if found and hit.start < found[-1].end:
            first = found[-1]
            found[-1] = Hit(first.start, max(first.end, hit.end), first.kind)
        else:
            found.append(hit)
    return found
