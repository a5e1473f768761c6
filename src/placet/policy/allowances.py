"""Layer 9: what several calls come to together, and what the session's labels forbid."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from placet.kernel.foreign import Json
from placet.policy.amounts import Amount, LoadedAggregate, amount_of, judge, missing
from placet.policy.decision import Code, Reason
from placet.policy.facts import Facts
from placet.policy.loaded import LoadedEnvelope, LoadedTool
from placet.policy.model import AggregateScope
from placet.policy.numbers import Number, exact, times
from placet.policy.paths import find
from placet.policy.window import Window

_ID: Final = "id"


@dataclasses.dataclass(slots=True, eq=False)
class Values:
    """A call's values by the names of aggregates and envelopes; null where there is no fit one."""

    amounts: Mapping[str, Amount | None]
    firsts: Mapping[str, Number | None]


NO_VALUES: Final = Values({}, {})


def values_of(tool: LoadedTool, given: Json) -> Values:
    """Return what a call's arguments hold for the aggregates and envelopes of its tool."""
    return Values(
        amounts={one.name: amount_of(one, given) for one in tool.aggregates},
        firsts={one.name: _number(find(one.path, given)) for one in tool.envelopes},
    )


def allowances(
    tool: LoadedTool,
    facts: Facts,
    values: Values,
    held: Mapping[str, Sequence[Amount]],
    window: Window,
) -> list[Reason]:
    """Layer 9. `held` are the amounts of this response's earlier calls, by aggregate."""
    reasons: list[Reason] = []
    for aggregate in tool.aggregates:
        reasons += _aggregate(aggregate, facts, values.amounts[aggregate.name], held, window)
    for envelope in tool.envelopes:
        reasons += _envelope(
            envelope, values.firsts[envelope.name], facts.envelopes.get(envelope.name)
        )
    for rule in tool.labels:
        if all(facts.labels.get(name) == value for name, value in rule.when):
            reasons.append(_labeled(rule.rule, rule.when))
    return reasons


def _aggregate(
    aggregate: LoadedAggregate,
    facts: Facts,
    amount: Amount | None,
    held: Mapping[str, Sequence[Amount]],
    window: Window,
) -> list[Reason]:
    if aggregate.scope is AggregateScope.PRINCIPAL and _ID not in facts.principal:
        return [
            Reason(
                code=Code.AGGREGATE_MISSING,
                rule=aggregate.rule,
                detail="it is not known for whom the agent acts",
                needs=f"a principal with the attribute `{_ID}`",
            )
        ]
    if amount is None:
        return [missing(aggregate)]
    known = facts.aggregates.get(aggregate.name)
    return judge(aggregate, known, held.get(aggregate.name, ()), amount, facts.now, window)


def _envelope(envelope: LoadedEnvelope, value: Number | None, first: Number | None) -> list[Reason]:
    path = f"`{envelope.path.text}`"
    if value is None:
        return [
            Reason(
                code=Code.ENVELOPE_MISSING,
                rule=envelope.rule,
                detail=f"{path}: there is no number",
                needs=f"{path} is a number",
            )
        ]
    if keeps_proportion(envelope, value, first):
        return []
    return [
        Reason(
            code=Code.ENVELOPE_EXCEEDED,
            rule=envelope.rule,
            detail=f"{path} is out of proportion to the first committed value",
            needs=f"{path} is at most {envelope.ratio} times the first, which is above 0",
        )
    ]


def keeps_proportion(envelope: LoadedEnvelope, value: Number, first: Number | None) -> bool:
    """Say whether a value is in proportion to the first committed one, if there is one."""
    if first is None:
        return True
    if type(first) is int and type(value) is int:
        above, below = envelope.whole_ratio
        return first > 0 and value * below <= first * above
    return first > 0 and value <= times(first, envelope.ratio)


def _labeled(rule: str, when: tuple[tuple[str, str], ...]) -> Reason:
    pairs = " and ".join(f"`{name}: {value}`" for name, value in when)
    return Reason(
        code=Code.LABELED,
        rule=rule,
        detail=f"the session is labelled {pairs}",
        needs="an operator who takes the label away",
    )


def _number(value: object) -> Number | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return exact(value) if isinstance(value, float) else None
