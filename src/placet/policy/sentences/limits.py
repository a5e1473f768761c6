"""What a session may use up, as sentences."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from placet.policy.model import Limits
from placet.policy.sentences.line import Line

_SAYS: Final = {
    "max_steps": (10, "at most {} responses with a granted call"),
    "max_tool_calls": (10, "at most {} calls in all"),
    "max_cost_micros": (10, "no call once {} micros are spent or reserved"),
    "max_unguarded_calls": (1, "{} calls that went past the guard end the session"),
    "max_seconds": (1, "a session lasts at most {} s, not counting its waits for people"),
}
_BREAKS: Final = {
    "consecutive_blocks": "{} responses in a row with nothing but refusals end the session",
    "consecutive_errors": "{} failures in a row end the session",
}


def limit_lines(limits: Limits) -> Iterator[Line]:
    """Yield a line for each limit that is set."""
    for name, (layer, text) in _SAYS.items():
        if (value := getattr(limits, name)) is not UNSET:
            yield _line(name, layer, text.format(value))
    for tool, calls in sorted(limits.max_calls_per_tool.items()):
        yield _line(f"max_calls_per_tool.{tool}", 10, f"at most {calls} calls of `{tool}`")
    if limits.loop is not UNSET:
        text = (
            f"a call that would be the {limits.loop.threshold}. alike, of the last "
            f"{limits.loop.window} granted and itself, is denied"
        )
        yield _line("loop", 10, text)
    if limits.circuit_breaker is not UNSET:
        yield from _breaker_lines(limits)


def _breaker_lines(limits: Limits) -> Iterator[Line]:
    set_ones = {
        name: value
        for name in _BREAKS
        if (value := getattr(limits.circuit_breaker, name)) is not UNSET
    }
    for name, value in set_ones.items():
        yield _line(f"circuit_breaker.{name}", 1, _BREAKS[name].format(value))
    if not set_ones:
        yield _line("circuit_breaker", None, "neither refusals nor failures end the session")


def _line(name: str, layer: int | None, says: str) -> Line:
    return Line(rule=f"session.limits.{name}", layer=layer, says=says)
