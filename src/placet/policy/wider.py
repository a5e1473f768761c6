"""Aggregates over more than one session: which they are, and which of their bounds are kept how.

What several sessions come to together is kept where all of them meet. What adds up and must not
come to too much can be shared out: the upper bounds on a `sum` or a `count`. All other bounds are
looked at with every call.
"""

from collections.abc import Iterator
from typing import Final

from placet.policy.amounts import ENTRIES_MAX, LoadedAggregate
from placet.policy.loaded import LoadedTool
from placet.policy.model import AggregateOp, AggregateScope
from placet.policy.numbers import Number
from placet.policy.series.bounds import AggregateBound

_ADD_UP: Final = frozenset({AggregateOp.SUM, AggregateOp.COUNT})


def wider_of(tool: LoadedTool | None) -> Iterator[LoadedAggregate]:
    """Yield the aggregates over a tool's calls in more than one session."""
    if tool is not None:
        for one in tool.aggregates:
            if one.scope is not AggregateScope.SESSION:
                yield one


def is_wider(tool: LoadedTool | None) -> bool:
    """Say whether calls of a tool count beyond their session."""
    return any(True for _ in wider_of(tool))


def is_shared(aggregate: LoadedAggregate) -> bool:
    """Say whether an aggregate's upper bounds are shared out among the sessions."""
    if aggregate.op not in _ADD_UP:
        return False
    return not aggregate.bounds or any(one.is_full for one in aggregate.bounds)


def looked_at(aggregate: LoadedAggregate) -> tuple[AggregateBound, ...]:
    """Return the bounds of an aggregate that are looked at with every call.

    Of different values there may not be more than can be kept: one more bound.
    """
    if aggregate.op in _ADD_UP:
        return tuple(one for one in aggregate.bounds if not one.is_full)
    if aggregate.op is not AggregateOp.DISTINCT:
        return aggregate.bounds
    most = AggregateBound.made("lte", ENTRIES_MAX, aggregate.rule, is_least=False)
    return (*aggregate.bounds, most)


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
