"""Aggregates over more than one session: which they are, and the bound that they are held to.

What several sessions come to together is kept where all of them meet. Only what adds up and must
not come to too much can be kept there: a `sum` or a `count` with upper bounds.
"""

from collections.abc import Iterator

from placet.policy.amounts import LoadedAggregate
from placet.policy.loaded import LoadedTool
from placet.policy.model import AggregateScope
from placet.policy.numbers import Number


def wider_of(tool: LoadedTool | None) -> Iterator[LoadedAggregate]:
    """Yield the aggregates over a tool's calls in more than one session."""
    if tool is not None:
        for one in tool.aggregates:
            if one.scope is not AggregateScope.SESSION:
                yield one


def is_wider(tool: LoadedTool | None) -> bool:
    """Say whether calls of a tool count beyond their session."""
    return any(True for _ in wider_of(tool))


def most_of(aggregate: LoadedAggregate) -> tuple[Number | None, bool]:
    """Return the upper bound that is the hardest to keep, and whether the sum must stay below it.

    None where it has no upper bound.
    """
    uppers = [
        (one.value, one.name != "lt") for one in aggregate.bounds if one.name in {"lt", "lte"}
    ]
    if not uppers:
        return None, False
    value, may_equal = min(uppers)
    return value, not may_equal
