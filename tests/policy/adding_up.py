"""Series of amounts for tests: filled, judged, and told in seconds."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from placet.kernel.foreign import Json
from placet.policy.amounts import (
    Amount,
    Amounts,
    LoadedAggregate,
    amount_of,
    judge,
    load_aggregate,
)
from placet.policy.decision import Code
from placet.policy.model import Aggregate
from placet.policy.window import Window

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
RULE = "session.aggregates[0]"
UPPER = ("lt", "lte")


def second(number: float) -> datetime:
    return START + timedelta(seconds=number)


def loaded(op: str, *, window: int | None = None, **bounds: int | str) -> LoadedAggregate:
    plain: dict[str, object] = {"name": "a", "tool": "t", "op": op, **bounds}
    if op != "count":
        plain["path"] = "$.v"
    if window is not None:
        plain["window_seconds"] = window
    return load_aggregate(msgspec.convert(plain, Aggregate), RULE)


def given_value(aggregate: LoadedAggregate, value: Json) -> Amount:
    amount = amount_of(aggregate, {"v": value})
    assert amount is not None
    return amount


def filled(
    aggregate: LoadedAggregate,
    committed: Iterable[tuple[Json, float]] = (),
    opened: Iterable[Json] = (),
) -> Amounts:
    amounts = Amounts(aggregate.op, aggregate.window)
    for value, at in committed:
        amounts.open(given_value(aggregate, value))
        amounts.commit(given_value(aggregate, value), second(at))
    for value in opened:
        amounts.open(given_value(aggregate, value))
    return amounts


def failing(  # noqa: PLR0913 -- a case has many parts
    aggregate: LoadedAggregate,
    value: Json,
    *,
    committed: Iterable[tuple[Json, float]] = (),
    opened: Iterable[Json] = (),
    held: Sequence[Json] = (),
    now: float = 0,
) -> list[str]:
    amounts = filled(aggregate, committed, opened)
    amount = given_value(aggregate, value)
    holds = [given_value(aggregate, one) for one in held]
    reasons = judge(aggregate, amounts, holds, amount, second(now), Window())
    assert {reason.code for reason in reasons} <= {Code.AGGREGATE_EXCEEDED}
    return [reason.rule.removeprefix(f"{RULE}.") for reason in reasons]


def judged(
    aggregate: LoadedAggregate, amounts: Amounts | None, value: Amount, now: float
) -> tuple[list[str], Window]:
    window = Window()
    reasons = judge(aggregate, amounts, [], value, second(now), window)
    return [reason.rule for reason in reasons], window
