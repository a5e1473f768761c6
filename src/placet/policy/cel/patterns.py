"""What an RE2 pattern takes at most, known from its text.

The library reads a pattern anew each time that it is asked, and few characters can spell a very
large one. A pattern never backtracks: what it takes is the number of places in it, repetitions
written out, times the length of the text.
"""

import dataclasses
import re
from typing import Final

_TOKEN: Final = re.compile(
    r"(?P<category>\\[pP](?:\{[^}]*\}|.))"
    r"|(?P<escape>\\x\{[^}]*\}|\\.)"
    r"|(?P<set>\[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*+\])"
    r"|(?P<open>\((?:\?[^:)]*:?)?)"
    r"|(?P<close>\))"
    r"|\{(?P<least>[0-9]+)(?P<range>,(?P<most>[0-9]*))?\}"
    r"|(?P<repeat>[*+?])"
    r"|(?P<one>.)",
    re.DOTALL,
)
_CATEGORY: Final = re.compile(r"\\[pP]")
_COUNT_MAX: Final = 10**9


@dataclasses.dataclass(frozen=True, slots=True)
class PatternSize:
    """How large a pattern is to read, and how many places of it may be tried at each byte."""

    read: int = 0
    places: int = 0

    def plus(self, other: "PatternSize") -> "PatternSize":
        """Return the size of both."""
        return PatternSize(
            min(_COUNT_MAX, self.read + other.read), min(_COUNT_MAX, self.places + other.places)
        )

    def times(self, count: int) -> "PatternSize":
        """Return the size of so many of it."""
        return PatternSize(min(_COUNT_MAX, self.read * count), min(_COUNT_MAX, self.places * count))


_PLAIN: Final = PatternSize(2, 2)
_WIDE: Final = PatternSize(6, 6)
_CATEGORIES: Final = PatternSize(1_000, 12)


def pattern_size(pattern: str) -> PatternSize:
    r"""Return a bound on a pattern's size. Raises `ValueError` for `\Q`, which hides its own."""
    if r"\Q" in pattern or r"\C" in pattern:
        message = r"`\Q` and `\C` are not taken in a pattern"
        raise ValueError(message)
    open_groups: list[tuple[PatternSize, PatternSize]] = []
    total = last = PatternSize()
    for token in _TOKEN.finditer(pattern):
        if token["open"] is not None:
            open_groups.append((total.plus(last), _PLAIN))
            total, last = PatternSize(), PatternSize()
        elif token["close"] is not None:
            inner = total.plus(last)
            total, own = open_groups.pop() if open_groups else (PatternSize(), _PLAIN)
            last = inner.plus(own)
        elif token["repeat"] is not None or token["least"] is not None:
            last = last.times(_count(token)).plus(PatternSize(1, 1))
        else:
            total, last = total.plus(last), _atom(token)
    for before, own in open_groups:
        total = total.plus(before).plus(own)
    return total.plus(last)


def _count(token: re.Match[str]) -> int:
    if token["least"] is None:
        return 1
    least, most = int(token["least"]), int(token["most"] or 0)
    return max(least + 1 if token["range"] else least, most, 1)


def _atom(token: re.Match[str]) -> PatternSize:
    text = token[0]
    if token["category"] is not None:
        return _CATEGORIES
    if token["set"] is not None:
        wide = _WIDE if text.startswith("[^") or not text.isascii() or "\\" in text else _PLAIN
        return wide.plus(PatternSize(len(text), 1)).plus(
            _CATEGORIES.times(len(_CATEGORY.findall(text)))
        )
    is_wide = text == "." or not text.isascii() or token["escape"] is not None
    return _WIDE if is_wide else _PLAIN
