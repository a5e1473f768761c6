"""A simulation in words: what became of each tool's calls, and the denials to look at first."""

import dataclasses
from collections.abc import Iterator
from itertools import islice
from typing import Final

from placet.policy.model import Ruling
from placet.policy.simulation.report import CallLine, Summary

_SHOWN_MAX: Final = 10
_TOOLS_MAX: Final = 1_000
_NAME_MAX: Final = 64
_HEADS: Final = ("tool", "calls", "allow", "deny", "ask", "granted")
_OTHERS: Final = "(other tools)"


@dataclasses.dataclass(slots=True)
class _Counts:
    calls: int = 0
    granted: int = 0
    verdicts: dict[Ruling, int] = dataclasses.field(
        default_factory=lambda: dict.fromkeys(Ruling, 0)
    )


class Tally:
    """Counts lines as they come, and keeps the first few that people should see."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._tools: dict[str, _Counts] = {}
        self._denied: list[CallLine] = []
        self._unjudged: list[CallLine] = []

    def add(self, line: CallLine) -> None:
        """Count one line."""
        is_known = line.tool in self._tools or len(self._tools) < _TOOLS_MAX
        counts = self._tools.setdefault(line.tool if is_known else _OTHERS, _Counts())
        counts.calls += 1
        counts.granted += line.granted
        counts.verdicts[line.verdict] += 1
        if isinstance(line.unjudged, str):
            kept = self._unjudged
        elif line.verdict is Ruling.DENY:
            kept = self._denied
        else:
            return
        if len(kept) < _SHOWN_MAX:
            kept.append(line)

    def text(self, summary: Summary) -> str:
        """Return all of it in words."""
        parts = []
        if self._tools:
            parts.append(_table(self._tools))
        if self._denied:
            parts.append(_list("denied", self._denied, summary.deny - summary.unjudged))
        if self._unjudged:
            parts.append(_list("denied, but cannot be judged", self._unjudged, summary.unjudged))
        parts.append(_end(summary))
        return "\n\n".join(parts)


def _table(tools: dict[str, _Counts]) -> str:
    rows: list[tuple[str, ...]] = [_HEADS]
    for name, one in sorted(tools.items()):
        counts = (one.calls, *(one.verdicts[word] for word in _ORDER), one.granted)
        rows.append((_plain(name), *map(str, counts)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            text.rjust(width) if index else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


_ORDER: Final = (Ruling.ALLOW, Ruling.DENY, Ruling.ASK)


def _list(title: str, lines: list[CallLine], count: int) -> str:
    which = f"the first {len(lines)} of {count:,}" if count > len(lines) else f"{count:,}"
    shown = (text for line in lines for text in _call(line))
    return "\n".join([f"{title} ({which}):", *shown])


def _call(line: CallLine) -> Iterator[str]:
    yield f"  step {line.step}, {_plain(line.tool)}, call {_plain(line.call)}"
    for reason in islice(line.reasons, _SHOWN_MAX):
        yield f"    {reason.code}: {_plain(reason.detail, 200)} ({reason.rule})"
    if isinstance(line.unjudged, str):
        yield f"    {_plain(line.unjudged, 400)}"


def _end(summary: Summary) -> str:
    counts = f"{summary.allow:,} allowed, {summary.deny:,} denied, {summary.ask:,} asked for"
    parts = [f"{summary.steps:,} steps: {counts}"]
    if summary.unjudged:
        parts.append(f"{summary.unjudged:,} of the denials cannot be judged")
    if summary.ignored_receipts:
        parts.append(f"{summary.ignored_receipts:,} results of calls not granted were ignored")
    if summary.killed:
        parts.append(f"the session was killed by {summary.kill_reason}")
    return "; ".join(parts)


def _plain(text: str, length_max: int = _NAME_MAX) -> str:
    """Return a recorded text as a terminal may show it: on one line, without control codes."""
    shown = "".join(one if one.isprintable() else "?" for one in text[:length_max])
    return shown if len(text) <= length_max else f"{shown}…"
