"""What checking the arguments of a call can take, known from its tool's contract.

The schema, each rule and the effect key have a cost that bounds them: once, for each value, for
each byte. Arguments for which the sum passes `CHECK_NS_MAX` are refused before they are checked, so
that no contract and no arguments can hold up a service. A contract that would refuse even a small
call for that is a finding.
"""

from collections.abc import Iterable
from typing import Final

from placet.policy.operators import Operator, Reference
from placet.policy.paths import Selected
from placet.policy.schemas.cost import Cost

CHECK_NS_MAX: Final = 250_000_000
"""Nanoseconds that checking the arguments of one call may take at most, by the bounds."""

OUTPUT_NS_MAX: Final = 10_000_000
"""The same for one operator on a remembered output."""

SMALL_VALUES: Final = 200
SMALL_BYTES: Final = 4_096
"""A call that every contract must be able to check: so many values in so many bytes."""

_SELECT: Final = 1_000
_EFFECT: Final = 2_000


def rules_cost(rules: Iterable[Operator]) -> Cost:
    """Return what rules on arguments can take, without the time for each byte of a text."""
    total = Cost()
    for rule in rules:
        if rule.path.is_many:
            total = total.plus(Cost(per_value=_SELECT + rule.per_value))
        elif rule.name == "contains":
            total = total.plus(Cost(per_value=rule.per_value))
        else:
            total = total.plus(Cost(fixed=rule.per_value))
    return total


def output_cost(rules: Iterable[Operator]) -> Cost:
    """Return what rules on a remembered output can take: `is_much` refuses more."""
    total = Cost()
    for rule in rules:
        is_open = rule.path.is_many or rule.name == "contains" or rule.per_byte > 0
        total = total.plus(Cost(fixed=OUTPUT_NS_MAX if is_open else rule.per_value))
    return total


def is_much(rule: Operator, values: list[Selected]) -> bool:
    """Say whether an operator on these values of an output could take too long."""
    count = sum(len(value) if isinstance(value, list) else 1 for value in values)
    return rule.per_value * count + text_ns(rule, values) > OUTPUT_NS_MAX


def text_ns(rule: Operator, values: list[Selected]) -> int:
    """Return what an operator can take for the bytes of the texts among these values."""
    if not rule.per_byte:
        return 0
    size = sum(len(value.encode()) for value in values if isinstance(value, str))
    return rule.per_byte * size


def effect_cost(paths: int) -> Cost:
    """Return what an effect key can take: each of its paths may name the whole arguments."""
    return Cost(per_value=_EFFECT * paths)


def references_cost(references: Iterable[Reference]) -> Cost:
    """Return what comparing with slots can take; a slot holds at most `SLOT_VALUES_MAX` values."""
    total = Cost()
    for reference in references:
        each = reference.per_value
        many = Cost(per_value=_SELECT + each) if reference.path.is_many else Cost(fixed=each)
        total = total.plus(many)
    return total


def values_cost(paths: int) -> Cost:
    """Return what taking so many values out of the arguments can take."""
    return Cost(fixed=_SELECT * paths, per_value=_EFFECT * paths)


def is_too_costly(cost: Cost) -> bool:
    """Say whether even a small call could not be checked in time."""
    return cost.of(SMALL_VALUES, SMALL_BYTES) > CHECK_NS_MAX


def values_in(text: bytes) -> int:
    """Return at least as many values as a JSON text has."""
    return 1 + text.count(b",") + text.count(b":") + text.count(b"[")
