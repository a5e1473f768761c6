"""What a decision found in tallies, and what it marks there: pure functions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from placet.policy.amounts import Amount, Amounts, LoadedAggregate
from placet.policy.decision import Allow, Code, Deny, Reason
from placet.policy.holding import Holding
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import AggregateOp
from placet.policy.numbers import number_of
from placet.policy.response import CallVerdict
from placet.policy.series.beyond import Beyond
from placet.policy.series.bounds import AggregateBound
from placet.policy.wider import looked_at, wider_of
from placet.replay.slices.rules import Whose, allowance_of
from placet.replay.tallies.model import Look, Mark, Tallied, Tally, ToldPart

_AGGREGATES: Final = 9
"""The layer in which bounds are asked."""


def tallied_of(  # noqa: PLR0913 -- who decides, what was decided and is held, and what is recorded
    policy: Policy,
    whose: Whose,
    *,
    verdicts: Sequence[CallVerdict],
    holdings: Mapping[UUID, Holding],
    recorded: Mapping[str, Amounts] | None,
    now: datetime,
) -> Tallied | None:
    """Return what a response found in tallies and marks there, or None where it meets none.

    `holdings` are its calls that count. `recorded` is what the session's own calls come to where it
    only records: it marks nothing then, and what is recorded stands beside the marks of others.
    """
    met: dict[str, Tally] = {}
    marks = []
    for call_id, holding in holdings.items():
        for aggregate in _tallied(policy.tools.get(holding.tool)):
            one = met.setdefault(aggregate.name, _tally(whose, holding.tool, aggregate))
            written = _written(holding.amounts[aggregate.name])
            is_digest = aggregate.op is AggregateOp.DISTINCT
            mark = Mark(
                call_id=call_id,
                tally_id=one.tally_id,
                value=None if is_digest else written,
                digest=written if is_digest else None,
                is_committed=holding.is_committed,
            )
            marks.append(mark)
    looks = []
    for verdict, aggregate, held in _judged(policy, verdicts):
        one = met.setdefault(aggregate.name, _tally(whose, verdict.tool, aggregate))
        own = None if recorded is None else recorded.get(aggregate.name)
        asked = _looks(one, aggregate, verdict, (held, own), now)
        looks += asked
        if aggregate.op is AggregateOp.DISTINCT:
            values = {*one.asked, *(value for look in asked for value in look.values)}
            met[aggregate.name] = replace(one, asked=sorted(values))
    if not met:
        return None
    return Tallied(tallies=[*met.values()], looks=looks, marks=marks if recorded is None else [])


def beyond_of(op: AggregateOp, told: ToldPart) -> Beyond:
    """Return what others give to a tally, as the policy takes it."""
    read = bytes.fromhex if op is AggregateOp.DISTINCT else number_of
    return Beyond(values=frozenset(read(value) for value in told.values), besides=told.besides)


def _tallied(tool: LoadedTool | None) -> Iterator[LoadedAggregate]:
    return (one for one in wider_of(tool) if looked_at(one))


def _tally(whose: Whose, tool: str, aggregate: LoadedAggregate) -> Tally:
    known = allowance_of(whose, tool, aggregate)
    return Tally(
        tally_id=known.allowance_id,
        name=aggregate.name,
        op=aggregate.op,
        window_seconds=known.window_seconds,
        most=_most(aggregate),
    )


def _most(aggregate: LoadedAggregate) -> str:
    """Return how far it is counted: as far as it makes a difference to some bound."""
    bounds = looked_at(aggregate)
    if aggregate.op is not AggregateOp.DISTINCT:
        return str(max(one.value for one in bounds))
    most = bounds[-1].value
    return str(int(min(max(0, *(one.value for one in bounds)), most)) + 1)


def _judged(
    policy: Policy, verdicts: Sequence[CallVerdict]
) -> Iterator[tuple[CallVerdict, LoadedAggregate, Sequence[Amount]]]:
    """Yield each aggregate that a call was judged by, with what earlier calls of it held."""
    if any(_has(one, Code.CALLS_EXHAUSTED) for one in verdicts):
        # All of them together are too many: nothing is granted, whatever else was found.
        return
    held: dict[str, list[Amount]] = {}
    for verdict in verdicts:
        decision = verdict.decision
        is_judged = not isinstance(decision, Deny) or decision.layer == _AGGREGATES
        for aggregate in _tallied(policy.tools.get(verdict.tool)):
            amount = verdict.amounts.get(aggregate.name)
            if amount is None:
                continue
            if is_judged and not _has(verdict, Code.AGGREGATE_MISSING, aggregate.rule):
                yield verdict, aggregate, tuple(held.get(aggregate.name, ()))
            if isinstance(decision, Allow):
                held.setdefault(aggregate.name, []).append(amount)


def _looks(
    tally: Tally,
    aggregate: LoadedAggregate,
    verdict: CallVerdict,
    beside: tuple[Sequence[Amount], Amounts | None],
    now: datetime,
) -> list[Look]:
    """Return what was found of each bound. `beside` is what is held, and what is recorded."""
    held, own = beside
    failing = {
        reason.rule for reason in _reasons(verdict) if reason.code is Code.AGGREGATE_EXCEEDED
    }

    def look(bound: AggregateBound) -> Look:
        values = [verdict.amounts[aggregate.name], *(held if bound.is_full else ())]
        if own is not None:
            values += own.given(now, is_full=bound.is_full)
        return Look(
            tally_id=tally.tally_id,
            bound=bound.name,
            than=str(bound.value),
            values=[_written(value) for value in values],
            is_full=bound.is_full,
            is_kept=bound.rule not in failing,
        )

    return [look(bound) for bound in looked_at(aggregate)]


def _reasons(verdict: CallVerdict) -> Sequence[Reason]:
    return verdict.decision.reasons if isinstance(verdict.decision, Deny) else ()


def _has(verdict: CallVerdict, code: Code, rule: str | None = None) -> bool:
    return any(one.code is code and rule in {None, one.rule} for one in _reasons(verdict))


def _written(amount: Amount) -> str:
    """Return a number as decimal text, and a digest in hex."""
    return amount.hex() if isinstance(amount, bytes) else str(amount)
