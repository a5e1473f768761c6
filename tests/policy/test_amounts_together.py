"""Values that are put together, as more came than may be kept: never on the unsafe side."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.policy.adding_up import RULE, START, TICK, filled, given_value, judged, loaded, second

from placet.kernel.foreign import Json
from placet.policy.amounts import (
    Amounts,
    judge,
)
from placet.policy.model import AggregateOp
from placet.policy.window import Window


@pytest.mark.parametrize(
    ("op", "bounds", "value", "before", "between", "after"),
    [
        ("sum", {"lte": 5}, 1, False, False, True),
        ("sum", {"gte": 5}, 1, True, False, False),
        ("count", {"lte": 5}, 1, False, False, True),
        ("count", {"gte": 5}, 1, True, False, False),
        ("max", {"lte": 0}, 0, False, False, True),
        ("max", {"gte": 1}, 0, True, False, False),
        ("min", {"gte": 2}, 2, False, False, True),
        ("min", {"lte": 1}, 2, True, False, False),
    ],
)
def test_values_put_together_count_till_the_last_leaves_or_till_the_first_does(  # noqa: PLR0913 -- a case has many parts
    op: str, bounds: dict[str, int | str], value: Json, *, before: bool, between: bool, after: bool
) -> None:
    aggregate = loaded(op, window=100, **bounds)
    amounts = Amounts(aggregate.op, aggregate.window, entries_max=4)
    for number in range(5):
        amounts.open(1)
        amounts.commit(1, second(number * 10))
    amount = given_value(aggregate, value)
    for now, may in ((99.9, before), (100, between), (139.9, between), (140, after)):
        assert (judged(aggregate, amounts, amount, now)[0] == []) is may


# --- bounded


def test_more_values_than_may_be_kept_are_told_roughly_and_still_to_the_full() -> None:
    aggregate = loaded("sum", window=10**6, lte=50_000)
    amounts = Amounts(aggregate.op, aggregate.window)
    for number in range(50_000):
        amounts.open(1)
        amounts.commit(1, second(number))
    assert len(amounts.series.times(is_full=True)) <= 10_000
    found, window = judged(aggregate, amounts, 1, 50_000)
    assert found == [f"{RULE}.lte"]
    assert window.holds_until is not None
    assert second(10**6) <= window.holds_until + TICK <= second(10**6 + 400)
    assert judged(loaded("sum", window=10**6, lte=50_001), amounts, 1, 50_000) == ([], Window())


def test_no_new_value_comes_where_as_many_are_kept_as_may_be() -> None:
    aggregate = loaded("distinct", window=60, gte=1)
    amounts = Amounts(aggregate.op, aggregate.window, entries_max=3)
    for number, name in enumerate([b"a", b"b", b"c"]):
        amounts.open(name)
        amounts.commit(name, second(number))
    assert judged(aggregate, amounts, b"c", 5)[0] == []
    assert judged(aggregate, amounts, b"d", 5) == (
        [RULE],
        Window(holds_until=second(60) - TICK),
    )
    assert judged(aggregate, amounts, b"d", 60)[0] == []


def test_no_new_call_comes_where_too_many_different_values_are_open() -> None:
    aggregate = loaded("max", gte=1)
    amounts = Amounts(aggregate.op, aggregate.window, entries_max=3)
    for number in range(3):
        amounts.open(number)
    assert judged(aggregate, amounts, 5, 0)[0] == [RULE]
    amounts.release(0)
    assert judged(aggregate, amounts, 5, 0)[0] == []


def test_what_is_kept_without_a_window_does_not_grow() -> None:
    aggregate = loaded("sum", lte=10**9)
    amounts = Amounts(aggregate.op, aggregate.window)
    sizes = set()
    for number in range(1_000):
        amounts.open(7)
        amounts.commit(7, second(number))
        sizes.add(len(amounts.series.times(is_full=True)))
    assert sizes == {0}


@pytest.mark.parametrize("window", [None, timedelta(days=1)])
@pytest.mark.parametrize("op", [AggregateOp.MAX, AggregateOp.MIN])
@pytest.mark.parametrize("order", [1, -1])
def test_what_was_put_together_at_one_time_can_all_be_taken_back(
    op: AggregateOp, window: timedelta | None, order: int
) -> None:
    amounts = Amounts(op, window, entries_max=6)
    added = [(value, second(value // 2)) for value in range(20)]
    for value, at in added:
        amounts.open(value)
        amounts.commit(value, at)
    for value, at in added[::order]:
        amounts.revert(value, at)
    assert amounts.series.lasts == []


def test_taking_back_the_largest_of_what_was_put_together_leaves_the_others() -> None:
    amounts = Amounts(AggregateOp.MAX, None, entries_max=2)
    for value in (8, 10, 9):
        amounts.open(value)
        amounts.commit(value, START)
    amounts.revert(10, START)
    assert amounts.together(1, (), is_full=False)(0) == 8
    assert amounts.together(1, (), is_full=True)(0) == 10
    amounts.revert(8, START)
    amounts.revert(9, START)
    assert amounts.together(1, (), is_full=False)(0) == 1


def test_taking_back_one_of_like_values_that_were_put_together_is_exact() -> None:
    amounts = Amounts(AggregateOp.MIN, None, entries_max=2)
    for _ in range(4):
        amounts.open(5)
        amounts.commit(5, START)
    for left in (5, 5, 5, 7):
        amounts.revert(5, START)
        assert amounts.together(7, (), is_full=True)(0) == left


@pytest.mark.parametrize("op", [AggregateOp.SUM, AggregateOp.MAX, AggregateOp.DISTINCT])
@pytest.mark.parametrize(
    "now",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=14))),
    ],
)
def test_a_window_may_reach_beyond_the_first_and_the_last_of_all_times(
    op: AggregateOp, now: datetime
) -> None:
    aggregate = loaded(op.value, window=10**9, lte=1)
    amounts = filled(aggregate)
    for value in (1, 2):
        amounts.open(given_value(aggregate, value))
        amounts.commit(given_value(aggregate, value), now)
    assert judge(aggregate, amounts, (), given_value(aggregate, 2), now, Window())
    amounts.revert(given_value(aggregate, 1), now)
    with pytest.raises(ValueError, match="nothing like that was committed then"):
        amounts.series.take(given_value(aggregate, 3), START)  # type: ignore[arg-type]  # -- the op decides which amounts
