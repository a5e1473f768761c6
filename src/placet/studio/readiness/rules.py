"""Whether enough was observed."""

from collections.abc import Sequence
from typing import Final

from placet.studio.readiness.model import Observed, Thresholds

_PLACES: Final = 4
_WHOLE: Final = 100


def observed(calls_of_tools: Sequence[int], sources: int) -> Observed:
    """Return what was seen. `calls_of_tools` has a number for each tool that is known of."""
    called = [calls for calls in calls_of_tools if calls > 0]
    calls, once = sum(called), called.count(1)
    scaled = 0 if calls == 0 else (calls - once) * 10**_PLACES // calls
    return Observed(
        sources=sources,
        calls=calls,
        tools=len(called),
        tools_seen_once=once,
        confidence=f"{scaled // 10**_PLACES}.{scaled % 10**_PLACES:0{_PLACES}}",
    )


def is_enough(seen: Observed, asked: Thresholds) -> bool:
    """Return whether a plan that saw this is ready. Exact: nothing is rounded."""
    if seen.calls == 0 or seen.calls < asked.calls_min:
        return False
    again = seen.calls - seen.tools_seen_once
    return again * _WHOLE >= asked.confidence_percent * seen.calls
