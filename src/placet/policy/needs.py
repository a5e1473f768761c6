"""Which facts a policy decides by, so that whoever cannot supply one of them does not use it.

A rule whose fact is never told would pass by absence: a limit on steps that nobody counts, a label
that nobody can set. So a service names the facts that it keeps, and refuses a policy that needs
others.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from msgspec import UNSET

from placet.policy.model import AggregateScope, Contract, SessionRules
from placet.policy.projection import RuntimeProjection
from placet.policy.text.tree import Steps


class Need(StrEnum):
    """A kind of fact that a session may or may not keep.

    `WIDER` are aggregates over more than one session.
    """

    PRINCIPAL = "principal"
    LABELS = "labels"
    SLOTS = "slots"
    AGGREGATES = "aggregates"
    WIDER = "wider_aggregates"
    ENVELOPES = "envelopes"
    STEPS = "steps"
    COST = "cost"
    TIME = "time"
    UNGUARDED = "unguarded"
    REPEATS = "repeats"
    OUTCOMES = "outcomes"


_OF_RULES: Final = {
    "principals": Need.PRINCIPAL,
    "bindings": Need.SLOTS,
    "aggregates": Need.AGGREGATES,
    "envelopes": Need.ENVELOPES,
    "labels": Need.LABELS,
}
_OF_LIMIT: Final = {
    "max_steps": Need.STEPS,
    "max_cost_micros": Need.COST,
    "max_unguarded_calls": Need.UNGUARDED,
    "max_seconds": Need.TIME,
    "loop": Need.REPEATS,
    "circuit_breaker": Need.OUTCOMES,
}
_NAMED: Final = re.compile(r"\b(?:principal|labels|slots)\b")


def contract_needs(contract: Contract) -> Iterator[tuple[Need, Steps]]:
    """Yield the facts that a contract decides by, each with a place that needs it."""
    yield from _session_needs(contract.session)
    for index, tool in enumerate(contract.tools):
        if tool.when is not UNSET:
            for need in _condition_needs(tool.when):
                yield need, ("tools", index, "when")


def policy_needs(projection: RuntimeProjection) -> frozenset[Need]:
    """Return the facts that a compiled contract decides by."""
    needs = {need for need, _ in _session_needs(projection)}
    for tool in projection.tools.values():
        if tool.when is not None:
            needs |= _condition_needs(tool.when)
    return frozenset(needs)


def _session_needs(session: SessionRules | RuntimeProjection) -> Iterator[tuple[Need, Steps]]:
    for name, need in _OF_RULES.items():
        if getattr(session, name):
            yield need, ("session", name)
    for index, aggregate in enumerate(session.aggregates or ()):
        if aggregate.scope is not AggregateScope.SESSION:
            place: Steps = ("session", "aggregates", index, "scope")
            yield Need.WIDER, place
            if aggregate.scope is AggregateScope.PRINCIPAL:
                yield Need.PRINCIPAL, place
    for name, need in _OF_LIMIT.items():
        if getattr(session.limits, name) is not UNSET:
            yield need, ("session", "limits", name)


def _condition_needs(text: str) -> set[Need]:
    """Return the facts that a condition may name; a word in a text counts, to be safe."""
    return {Need(name) for name in _NAMED.findall(text)}
