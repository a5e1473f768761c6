"""What a decision takes from allowances, and what it reckoned with: pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from placet.kernel.canonical import canonical
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.kernel.ids import derived_id
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.policy.amounts import Amounts, LoadedAggregate
from placet.policy.decision import Code
from placet.policy.hashes import principal_digest
from placet.policy.holding import Holding
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import AggregateScope
from placet.policy.numbers import Number, minus, number_of, plus
from placet.policy.wider import is_shared, most_of, wider_of
from placet.replay.slices.model import Allowance, Look, Take, Wide


class Whose(Value, frozen=True):
    """Whose allowances a session takes from."""

    tenant_id: UUID
    environment: Environment
    agent: str
    principal: Mapping[str, Json]


class Refused(Value, frozen=True):
    """A reason against a call of a tool, with the rule that gave it."""

    tool: str
    code: str
    rule: str


def allowance_of(whose: Whose, tool: str, aggregate: LoadedAggregate) -> Allowance:
    """Return the allowance that a session's aggregate over a tool takes from.

    Its id is a hash of all that tells it from others; the bound is no part of that.
    """
    match aggregate.scope:
        case AggregateScope.PRINCIPAL:
            target = principal_digest(whose.principal).hex()
        case AggregateScope.AGENT:
            target = whose.agent
        case _:
            target = str(whose.tenant_id)
    path = None if aggregate.path is None else aggregate.path.text
    window = None if aggregate.window is None else int(aggregate.window.total_seconds())
    known_by = [
        str(whose.tenant_id),
        whose.environment.value,
        aggregate.scope.value,
        target,
        tool,
        aggregate.op.value,
        path,
        window,
        aggregate.name,
    ]
    most, is_below = most_of(aggregate)
    return Allowance(
        allowance_id=derived_id(digest("allowance", canonical(known_by))),
        environment=whose.environment,
        scope=aggregate.scope,
        target=target if aggregate.scope is AggregateScope.AGENT else None,
        tool_name=tool,
        op=aggregate.op,
        path=path,
        window_seconds=window,
        name=aggregate.name,
        most=None if most is None else str(most),
        is_below=is_below,
    )


def wide_of(  # noqa: PLR0913 -- who decides, what is held and refused, and what was reckoned with
    policy: Policy,
    whose: Whose,
    *,
    holdings: Mapping[UUID, Holding],
    refused: Sequence[Refused],
    others: Mapping[str, Number],
    series: Mapping[str, Amounts] | None,
) -> Wide | None:
    """Return what a response takes from allowances, or None where it meets none.

    `holdings` are its calls that count, `others` what other sessions were reckoned to take, by the
    aggregate's name. `series` is what the session's own calls come to, `others` included, where it
    only records: it takes nothing then, and looks whether it could have.
    """
    met: dict[str, Allowance] = {}
    takes: list[Take] = []
    looks: list[Look] = []
    for call_id, holding in holdings.items():
        for aggregate in _shared(policy.tools.get(holding.tool)):
            one = met.setdefault(aggregate.name, allowance_of(whose, holding.tool, aggregate))
            amount = holding.amounts[aggregate.name]
            takes.append(
                Take(
                    call_id=call_id,
                    allowance_id=one.allowance_id,
                    value=str(amount),
                    is_committed=holding.is_committed,
                )
            )
    if series is not None:
        looks += [
            look
            for name, one in met.items()
            if (look := _fitting(one, takes, series[name], others.get(name, 0))) is not None
        ]
        takes = []
    for tool, aggregate in _exceeded(policy, refused):
        told = others.get(aggregate.name)
        if told:
            one = met.setdefault(aggregate.name, allowance_of(whose, tool, aggregate))
            looks.append(Look(allowance_id=one.allowance_id, least=str(told)))
    if not met:
        return None
    return Wide(allowances=[*met.values()], takes=takes, looks=looks)


def _shared(tool: LoadedTool | None) -> Iterator[LoadedAggregate]:
    return (one for one in wider_of(tool) if is_shared(one))


def _exceeded(policy: Policy, refused: Sequence[Refused]) -> Iterator[tuple[str, LoadedAggregate]]:
    """Yield the aggregates whose shared bounds refused a call, each once."""
    seen = set()
    for one in refused:
        if one.code != Code.AGGREGATE_EXCEEDED.value:
            continue
        for aggregate in _shared(policy.tools.get(one.tool)):
            uppers = {bound.rule for bound in aggregate.bounds if bound.is_full}
            if one.rule in uppers and aggregate.name not in seen:
                seen.add(aggregate.name)
                yield one.tool, aggregate


def _fitting(
    allowance: Allowance, takes: Sequence[Take], own: Amounts, told: Number
) -> Look | None:
    """Return until when what only was recorded would have fitted."""
    if allowance.most is None:
        return None
    total: Number = 0
    for take in takes:
        if take.allowance_id == allowance.allowance_id:
            total = plus(total, number_of(take.value))
    room = minus(number_of(allowance.most), minus(own.sum_with(total), told))
    return Look(allowance_id=allowance.allowance_id, most=str(told), room=str(room))
