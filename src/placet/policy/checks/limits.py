"""Findings about limits: each can be reached before another one."""

from collections.abc import Iterator

from msgspec import UNSET

from placet.policy.checks.found import found
from placet.policy.checks.known import Known
from placet.policy.finding import Finding
from placet.policy.model import AggregateScope, Limits
from placet.policy.text.tree import Steps

_LIMITS: Steps = ("session", "limits")


def check_limits(known: Known) -> Iterator[Finding]:
    """Yield limits that nothing can reach, and rules that a limit makes dead."""
    limits = known.contract.session.limits
    yield from _loop(limits)
    yield from _totals(known)
    yield from _single_calls(known)
    yield from _windows(known)


def _loop(limits: Limits) -> Iterator[Finding]:
    loop = limits.loop
    if loop is not UNSET and loop.threshold > loop.window:
        message = f"`threshold: {loop.threshold}` is higher than `window: {loop.window}`"
        here, other = (*_LIMITS, "loop", "threshold"), (*_LIMITS, "loop", "window")
        hint = "make the threshold at most the window"
        yield found("threshold_beyond_window", here, message, hint, related=other)


def _totals(known: Known) -> Iterator[Finding]:
    limits = known.contract.session.limits
    total = limits.max_tool_calls
    for name, most in limits.max_calls_per_tool.items():
        if total is not UNSET and most > total and name in known.permitted:
            message = f"`{name}: {most}` is more than all calls, `max_tool_calls: {total}`"
            here = (*_LIMITS, "max_calls_per_tool", name)
            hint = "lower the one or raise the other"
            related = (*_LIMITS, "max_tool_calls")
            yield found("limit_beyond_total", here, message, hint, related=related)


def _single_calls(known: Known) -> Iterator[Finding]:
    limits = known.contract.session.limits
    for index, envelope in enumerate(known.contract.session.envelopes):
        related: Steps = (*_LIMITS, "max_tool_calls")
        is_single = limits.max_tool_calls == 1
        if limits.max_calls_per_tool.get(envelope.tool, 2) <= 1:
            related, is_single = (*_LIMITS, "max_calls_per_tool", envelope.tool), True
        if is_single and envelope.tool in known.permitted:
            message = f"`{envelope.tool}` is called once at most, so no later value is compared"
            here = ("session", "envelopes", index)
            hint = "take the envelope out, or raise the limit"
            yield found("envelope_single_call", here, message, hint, related=related)


def _windows(known: Known) -> Iterator[Finding]:
    seconds = known.contract.session.limits.max_seconds
    for index, one in enumerate(known.contract.session.aggregates):
        if (
            one.scope is AggregateScope.SESSION
            and one.window_seconds is not UNSET
            and seconds is not UNSET
            and one.window_seconds > seconds
        ):
            window = f"`window_seconds: {one.window_seconds}`"
            message = f"{window} is longer than the session, `max_seconds: {seconds}`"
            here = ("session", "aggregates", index, "window_seconds")
            hint = "take the window out, or make the scope wider than the session"
            related = (*_LIMITS, "max_seconds")
            yield found("window_beyond_session", here, message, hint, related=related)
