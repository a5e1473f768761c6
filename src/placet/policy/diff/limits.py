"""What a session may use up, and what ends it."""

import math
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import UNSET

from placet.policy.diff.change import At, Change, Said, judged, ranked
from placet.policy.model import Limits
from placet.policy.sentences.limits import limit_lines
from placet.policy.sentences.line import Line
from placet.policy.text.tree import Steps

_HERE: Final = ("session", "limits")
_NUMBERS: Final = (
    "max_steps",
    "max_tool_calls",
    "max_cost_micros",
    "max_unguarded_calls",
    "max_seconds",
)
_BREAKS: Final = ("consecutive_blocks", "consecutive_errors")


def limit_changes(old: Limits, new: Limits) -> Iterator[Change]:
    """Yield each limit that is another one; what is absent has no limit."""
    was, now = _flat(old), _flat(new)
    old_lines, new_lines = _lines(old), _lines(new)
    for steps in dict.fromkeys((*now, *was)):
        more = _less(was.get(steps, math.inf), now.get(steps, math.inf))
        tool = str(steps[1]) if steps[0] == "max_calls_per_tool" else None
        rule = ".".join(map(str, (*_HERE, *steps)))
        line = new_lines.get(rule) or old_lines[rule]
        at = At(layer=line.layer, tool=tool)
        yield from ranked(at, _said(was, steps, old_lines), _said(now, steps, new_lines), more=more)
    yield from _loop_changes(old, new)


def _less(before: float, after: float) -> float:
    return 0 if before == after else after - before


def _flat(limits: Limits) -> dict[Steps, int]:
    """Return the limits that are numbers, by their places."""
    flat: dict[Steps, int] = {}
    for name in _NUMBERS:
        if (number := getattr(limits, name)) is not UNSET:
            flat[(name,)] = number
    for tool, calls in sorted(limits.max_calls_per_tool.items()):
        flat["max_calls_per_tool", tool] = calls
    for name in _BREAKS:
        if (
            limits.circuit_breaker
            and (number := getattr(limits.circuit_breaker, name)) is not UNSET
        ):
            flat["circuit_breaker", name] = number
    return flat


def _lines(limits: Limits) -> dict[str, Line]:
    return {line.rule: line for line in limit_lines(limits)}


def _said(flat: dict[Steps, int], steps: Steps, lines: dict[str, Line]) -> Said | None:
    if steps not in flat:
        return None
    rule = ".".join(map(str, (*_HERE, *steps)))
    return Said(steps=(*_HERE, *steps), value=flat[steps], says=lines[rule].says)


def _loop_changes(old: Limits, new: Limits) -> Iterator[Change]:
    """Yield a change of the loop: a longer window and a lower threshold refuse more."""
    was, now = old.loop, new.loop
    at = At(layer=10)
    if was and now:
        is_wider = now.window < was.window or now.threshold > was.threshold
        is_narrower = now.window > was.window or now.threshold < was.threshold
        said = (_loop(old), _loop(new))
        yield from judged(at, *said, is_wider=is_wider, is_narrower=is_narrower)
    elif was or now:
        yield from ranked(at, _loop(old), _loop(new), more=1 if was else -1)


def _loop(limits: Limits) -> Said | None:
    if limits.loop is UNSET:
        return None
    value = msgspec.to_builtins(limits.loop)
    says = _lines(limits)["session.limits.loop"].says
    return Said(steps=(*_HERE, "loop"), value=value, says=says)
