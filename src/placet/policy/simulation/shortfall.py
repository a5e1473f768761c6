"""Lower bounds: which more calls could help to keep them, and which could not."""

from typing import Final

from placet.policy.amounts import LoadedAggregate
from placet.policy.decision import Deny
from placet.policy.holding import Holding
from placet.policy.loaded import LoadedTool
from placet.policy.model import AggregateOp
from placet.policy.numbers import Number

_UPPER: Final = frozenset({"lt", "lte"})


def lower_bounds(tool: LoadedTool) -> dict[str, LoadedAggregate]:
    """Return, by their rules, the bounds that are the easier to keep the more counts."""
    return {
        bound.rule: one
        for one in tool.aggregates
        for bound in one.bounds
        if (bound.name in _UPPER) is (one.op is AggregateOp.MIN)
    }


class Shortfall:
    """The best amounts that were tried and left a bound unkept: no lesser one could keep it."""

    def __init__(self, tool: LoadedTool) -> None:
        """Begin with none, for denied calls of a tool."""
        self._bounds = lower_bounds(tool)
        self._tried: dict[str, tuple[Number, bool]] = {}

    def is_hopeless(self, holding: Holding) -> bool:
        """Say whether a call of the tool gives no more than one that did not do."""
        for name, (tried, is_least) in self._tried.items():
            amount = holding.amounts.get(name)
            if isinstance(amount, bytes):
                continue
            if amount is None or (amount >= tried if is_least else amount <= tried):
                return True
        return False

    def note(self, denial: Deny, holding: Holding) -> None:
        """Note that with a call that holds this, whose amounts counted, the denial remained."""
        for reason in denial.reasons:
            one = self._bounds.get(reason.rule)
            amount = None if one is None else holding.amounts.get(one.name)
            if one is None or amount is None or isinstance(amount, bytes):
                continue
            is_least = one.op is AggregateOp.MIN
            known = self._tried.get(one.name, (amount, is_least))[0]
            best = min(known, amount) if is_least else max(known, amount)
            self._tried[one.name] = (best, is_least)
