"""What several calls come to: each bound on both sides, and against a list that is read again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.policy.adding_up import (
    RULE,
    START,
    TICK,
    failing,
    filled,
    given_value,
    judged,
    loaded,
    second,
)

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.amounts import (
    Amount,
    Amounts,
    LoadedAggregate,
    amount_of,
    judge,
    load_aggregate,
    missing,
)
from placet.policy.decision import Code
from placet.policy.model import Aggregate, AggregateOp
from placet.policy.paths import PathError
from placet.policy.window import Window

TABLE: list[tuple[str, dict[str, int | str], dict[str, object], Json, bool]] = [
    # op, bounds, what there is, the present value, whether it may
    ("sum", {"lte": 100}, {}, 100, True),
    ("sum", {"lte": 100}, {}, 101, False),
    ("sum", {"lt": 100}, {}, 99, True),
    ("sum", {"lt": 100}, {}, 100, False),
    ("sum", {"lte": 100}, {"committed": [(60, 0)]}, 40, True),
    ("sum", {"lte": 100}, {"committed": [(60, 0)]}, 41, False),
    ("sum", {"lte": 100}, {"opened": [60]}, 40, True),
    ("sum", {"lte": 100}, {"opened": [60]}, 41, False),
    ("sum", {"lte": 100}, {"held": [60]}, 40, True),
    ("sum", {"lte": 100}, {"held": [60]}, 41, False),
    ("sum", {"lte": 100}, {"committed": [(20, 0)], "opened": [20], "held": [20]}, 40, True),
    ("sum", {"lte": 100}, {"committed": [(20, 0)], "opened": [20], "held": [20]}, 41, False),
    ("sum", {"gte": 100}, {"committed": [(60, 0)]}, 40, True),
    ("sum", {"gte": 100}, {"committed": [(60, 0)]}, 39, False),
    ("sum", {"gt": 100}, {"committed": [(60, 0)]}, 41, True),
    ("sum", {"gt": 100}, {"committed": [(60, 0)]}, 40, False),
    ("sum", {"gte": 100}, {"opened": [60]}, 40, False),
    ("sum", {"gte": 100}, {"held": [60]}, 40, False),
    ("max", {"lte": 10}, {"committed": [(10, 0)]}, 10, True),
    ("max", {"lte": 10}, {"committed": [(11, 0)]}, 10, False),
    ("max", {"lte": 10}, {"opened": [11]}, 10, False),
    ("max", {"lte": 10}, {"held": [11]}, 10, False),
    ("max", {"lt": 10}, {}, 10, False),
    ("max", {"gte": 10}, {"committed": [(10, 0)]}, 1, True),
    ("max", {"gte": 10}, {"committed": [(9, 0)]}, 1, False),
    ("max", {"gte": 10}, {"opened": [10]}, 1, False),
    ("max", {"gte": 10}, {"held": [10]}, 1, False),
    ("max", {"gt": -3}, {}, -2, True),
    ("max", {"gt": -3}, {}, -3, False),
    ("min", {"gte": 10}, {"committed": [(10, 0)]}, 11, True),
    ("min", {"gte": 10}, {"committed": [(9, 0)]}, 11, False),
    ("min", {"gte": 10}, {"opened": [9]}, 11, False),
    ("min", {"gte": 10}, {"held": [9]}, 11, False),
    ("min", {"lte": 10}, {"committed": [(10, 0)]}, 99, True),
    ("min", {"lte": 10}, {"committed": [(11, 0)]}, 99, False),
    ("min", {"lte": 10}, {"opened": [10]}, 99, False),
    ("min", {"lte": 10}, {"held": [10]}, 99, False),
    ("distinct", {"lte": 2}, {"committed": [("a", 0), ("a", 0)]}, "b", True),
    ("distinct", {"lte": 2}, {"committed": [("a", 0), ("b", 0)]}, "c", False),
    ("distinct", {"lte": 2}, {"committed": [("a", 0), ("b", 0)]}, "a", True),
    ("distinct", {"lte": 2}, {"committed": [("a", 0)], "opened": ["b"]}, "c", False),
    ("distinct", {"lte": 2}, {"committed": [("a", 0)], "held": ["b"]}, "c", False),
    ("distinct", {"lte": 2}, {"committed": [("a", 0)], "opened": ["a"], "held": ["a"]}, "c", True),
    ("distinct", {"gte": 2}, {"committed": [("a", 0)]}, "b", True),
    ("distinct", {"gte": 2}, {"committed": [("a", 0)]}, "a", False),
    ("distinct", {"gte": 2}, {"opened": ["a"]}, "b", False),
    ("distinct", {"lte": 1}, {"committed": [(1, 0)]}, 1.0, True),
    ("distinct", {"lte": 1}, {"committed": [(10**21, 0)]}, 1e21, True),
    ("distinct", {"lte": 1}, {"committed": [(1, 0)]}, True, False),
    ("distinct", {"lte": 1}, {"committed": [(1, 0)]}, "1", False),
    ("distinct", {"lte": 1}, {"committed": [(None, 0)]}, None, True),
    ("distinct", {"lte": 1}, {"committed": [({"x": 1, "y": [2]}, 0)]}, {"y": [2.0], "x": 1}, True),
    ("count", {"lte": 2}, {"committed": [(0, 0)]}, 0, True),
    ("count", {"lte": 2}, {"committed": [(0, 0)], "opened": [0]}, 0, False),
    ("count", {"lte": 2}, {"committed": [(0, 0)], "held": [0]}, 0, False),
    ("count", {"gte": 2}, {"committed": [(0, 0)]}, 0, True),
    ("count", {"gte": 2}, {"opened": [0]}, 0, False),
]


@pytest.mark.parametrize("window", [None, 60])
@pytest.mark.parametrize(("op", "bounds", "past", "value", "may"), TABLE)
def test_a_bound_holds_on_one_side_and_fails_on_the_other(  # noqa: PLR0913 -- a case has many parts
    op: str,
    bounds: dict[str, int | str],
    past: dict[str, list[object]],
    value: Json,
    window: int | None,
    *,
    may: bool,
) -> None:
    aggregate = loaded(op, window=window, **bounds)
    found = failing(aggregate, value, **past, now=1)  # type: ignore[arg-type]  # -- by its name
    assert found == ([] if may else list(bounds))


@pytest.mark.parametrize(
    ("op", "bounds", "committed", "value"),
    [
        ("sum", {"lte": 10}, [(6, 0)], 5),
        ("count", {"lte": 1}, [(0, 0)], 0),
        ("max", {"lte": 10}, [(11, 0)], 1),
        ("min", {"gte": 10}, [(1, 0)], 10),
        ("distinct", {"lte": 1}, [("a", 0)], "b"),
    ],
)
def test_a_value_counts_while_less_than_the_window_has_passed(
    op: str, bounds: dict[str, int | str], committed: list[tuple[Json, float]], value: Json
) -> None:
    aggregate = loaded(op, window=60, **bounds)
    assert failing(aggregate, value, committed=committed, now=59.999999) == list(bounds)
    assert failing(aggregate, value, committed=committed, now=60) == []


def test_every_failing_bound_is_a_reason_of_its_own() -> None:
    aggregate = loaded("sum", lt=5, lte=4, gt=1, gte=100)
    assert sorted(failing(aggregate, 7)) == ["gte", "lt", "lte"]


def test_open_calls_may_break_a_bound_that_holds_without_them_and_the_reverse() -> None:
    aggregate = loaded("sum", gte=10, lte=20)
    assert failing(aggregate, 10, opened=[11]) == ["lte"]
    assert failing(aggregate, 9, opened=[5]) == ["gte"]


@pytest.mark.parametrize(
    ("values", "limit", "may"),
    [
        ([0.1, 0.2], "0.3", True),
        ([0.1, 0.2, 1e-17], "0.3", False),
        ([10**30, 1e-7], f"{10**30}.0000001", True),
        ([10**30, 1e-7], f"{10**30}", False),
        ([10**60, 0.1], f"{10**60}", False),
        ([1e300, 5e-324], f"1{'0' * 62}", False),
        ([1e23], f"1{'0' * 23}", True),
        ([10**3_999] * 20, 10**4_001, True),
        ([10**3_999, 5e-324], 10**3_999, False),
    ],
)
@pytest.mark.parametrize("window", [None, 60])
def test_sums_are_exact(
    values: list[Json], limit: int | str, window: int | None, *, may: bool
) -> None:
    aggregate = loaded("sum", window=window, lte=limit)
    past = [(value, 0.0) for value in values[:-1]]
    assert (failing(aggregate, values[-1], committed=past, now=1) == []) is may


def test_what_leaves_takes_all_of_itself_away() -> None:
    aggregate = loaded("sum", window=60, lte=0)
    assert failing(aggregate, 0, committed=[(10**30, 0), (0.1, 1)], now=60.5) == ["lte"]
    assert failing(aggregate, 0, committed=[(10**30, 0), (0.1, 1)], now=61) == []


@pytest.mark.parametrize(
    ("op", "arguments", "amount"),
    [
        ("sum", {"v": 3}, 3),
        ("sum", {"v": 0}, 0),
        ("sum", {"v": 0.1}, Decimal("0.1")),
        ("sum", {"v": -1}, None),
        ("sum", {"v": -1e-300}, None),
        ("sum", {"v": True}, None),
        ("sum", {"v": "3"}, None),
        ("sum", {"v": None}, None),
        ("sum", {}, None),
        ("sum", [], None),
        ("max", {"v": -1}, -1),
        ("max", {"v": [1]}, None),
        ("min", {"v": -0.5}, Decimal("-0.5")),
        ("min", {"w": 1}, None),
        ("distinct", {}, None),
        ("count", {}, 1),
        ("count", [], 1),
    ],
)
def test_a_call_gives_a_fit_value_or_none(op: str, arguments: Json, amount: Amount | None) -> None:
    assert amount_of(loaded(op, lte=1), arguments) == amount


def test_a_missing_value_is_told_by_its_own_code() -> None:
    reason = missing(loaded("sum", lte=1))
    assert (reason.code, reason.rule) == (Code.AGGREGATE_MISSING, RULE)


def test_a_bad_path_is_told() -> None:
    plain = {"name": "a", "tool": "t", "op": "sum", "path": "v", "lte": 1}
    with pytest.raises(PathError):
        load_aggregate(msgspec.convert(plain, Aggregate), RULE)


def test_a_reason_spells_out_the_bound_unless_the_path_is_redacted() -> None:
    plain = {"name": "a", "tool": "t", "op": "max", "path": "$.v", "lte": 424242}
    aggregate = msgspec.convert(plain, Aggregate)
    for is_secret in (False, True):
        one = load_aggregate(aggregate, RULE, is_secret=is_secret)
        (reason,) = judge(one, None, [], 424243, START, Window())
        assert ("424242" in reason.needs) is not is_secret
        assert "424243" not in reason.needs + reason.detail


# --- the life of a call


def test_released_committed_and_reverted_calls_leave_nothing_behind() -> None:
    for op in AggregateOp:
        for window in (None, 60):
            aggregate = loaded(op, window=window, lte=5)
            amounts = Amounts(aggregate.op, aggregate.window)
            value = given_value(aggregate, 1)
            amounts.open(value)
            amounts.release(value)
            amounts.open(value)
            amounts.commit(value, second(1))
            amounts.revert(value, second(1))
            empty = Amounts(aggregate.op, aggregate.window).document()
            assert amounts.document()["opened"] == empty["opened"]
            assert judged(aggregate, amounts, value, 2) == judged(aggregate, None, value, 2)


def test_what_was_never_there_cannot_be_taken_back() -> None:
    for op, value in (("max", 1), ("distinct", b"x")):
        with pytest.raises(ValueError, match="nothing like that is open"):
            Amounts(AggregateOp(op), None).release(value)
    for op, value in (("sum", 1), ("max", 1), ("distinct", b"x")):
        with pytest.raises(ValueError, match="nothing like that was committed"):
            Amounts(AggregateOp(op), timedelta(seconds=1)).revert(value, START)


def test_taking_back_the_largest_brings_the_one_before_it_to_light() -> None:
    aggregate = loaded("max", window=60, lte=5)
    amounts = filled(aggregate, [(7, 0), (9, 1), (3, 2)])
    amounts.revert(9, second(1))
    assert judged(aggregate, amounts, 1, 3) == (
        [f"{RULE}.lte"],
        Window(holds_until=second(60) - TICK),
    )
    amounts.revert(7, second(0))
    assert judged(aggregate, amounts, 1, 3) == ([], Window())


def test_taking_back_the_latest_of_like_values_leaves_the_earlier_one() -> None:
    aggregate = loaded("distinct", window=60, lte=1)
    amounts = filled(aggregate, [("a", 0), ("a", 30)])
    other = given_value(aggregate, "b")
    assert judged(aggregate, amounts, other, 31)[1] == Window(holds_until=second(90) - TICK)
    amounts.revert(given_value(aggregate, "a"), second(30))
    assert judged(aggregate, amounts, other, 31)[1] == Window(holds_until=second(60) - TICK)


def test_a_value_told_again_later_for_an_earlier_time_stays_at_its_latest() -> None:
    aggregate = loaded("distinct", window=60, lte=1)
    amounts = filled(aggregate, [("a", 10), ("a", 5)])
    other = given_value(aggregate, "b")
    assert judged(aggregate, amounts, other, 31)[1] == Window(holds_until=second(70) - TICK)


def test_what_was_forgotten_counts_against_the_call_when_it_is_taken_back() -> None:
    aggregate = loaded("distinct", lte=1, gte=2)
    amounts = filled(aggregate, [("a", number) for number in range(10)])
    a, b = (given_value(aggregate, name) for name in "ab")
    for number in reversed(range(2, 10)):
        assert judged(aggregate, amounts, b, 20)[0] == [f"{RULE}.lte"]
        amounts.revert(a, second(number))
    assert judged(aggregate, amounts, b, 20)[0] == [f"{RULE}.gte", f"{RULE}.lte"]


def test_what_was_put_together_counts_against_the_call_when_it_is_taken_back() -> None:
    aggregate = loaded("max", window=600, lte=6, gte=6)
    amounts = Amounts(aggregate.op, aggregate.window, entries_max=2)
    for number, value in enumerate([5, 9, 7]):
        amounts.open(value)
        amounts.commit(value, second(number))
    amounts.revert(9, second(1))
    assert judged(aggregate, amounts, 1, 10)[0] == [f"{RULE}.gte", f"{RULE}.lte"]


# --- the interval


def test_the_interval_ends_where_the_bound_flips_and_not_where_a_value_leaves() -> None:
    aggregate = loaded("sum", window=60, lte=10)
    past: list[tuple[Json, float]] = [(1, 0), (2, 10), (8, 20), (1, 30)]
    amounts = filled(aggregate, past)
    assert judged(aggregate, amounts, 8, 40) == (
        [f"{RULE}.lte"],
        Window(holds_until=second(80) - TICK),
    )
    assert judged(aggregate, amounts, 8, 80) == ([], Window(holds_from=second(80)))
    assert judged(aggregate, amounts, 11, 40) == ([f"{RULE}.lte"], Window())


def test_a_lower_bound_ceases_to_hold_when_too_much_has_left() -> None:
    aggregate = loaded("count", window=60, gte=3)
    amounts = filled(aggregate, [(0, 0), (0, 10), (0, 20)])
    assert judged(aggregate, amounts, 1, 30) == ([], Window(holds_until=second(70) - TICK))
    assert judged(aggregate, amounts, 1, 70) == ([f"{RULE}.gte"], Window(holds_from=second(70)))


def test_what_was_dropped_bounds_what_can_be_said() -> None:
    aggregate = loaded("sum", window=60, lte=100)
    amounts = filled(aggregate, [(99, 0), (1, 1), (1, 100)])
    assert judged(aggregate, amounts, 50, 101) == ([], Window(holds_from=second(61)))


# --- against a list that is read again


@dataclass
class Naive:
    """The same, as slowly and plainly as it can be told."""

    committed: list[tuple[Amount, datetime]] = field(default_factory=list)
    opened: list[Amount] = field(default_factory=list)

    def failing(
        self, aggregate: LoadedAggregate, held: list[Amount], value: Amount, now: datetime
    ) -> list[str]:
        """Return the rules of the bounds that fail."""
        sure = [
            one
            for one, at in self.committed
            if aggregate.window is None or now - at < aggregate.window
        ]
        sure.append(value)
        both = (_total(aggregate.op, sure), _total(aggregate.op, [*sure, *self.opened, *held]))
        compare = {
            "lt": Fraction.__lt__,
            "lte": Fraction.__le__,
            "gt": Fraction.__gt__,
            "gte": Fraction.__ge__,
        }
        return [
            bound.rule
            for bound in aggregate.bounds
            if not all(compare[bound.name](total, Fraction(bound.value)) for total in both)
        ]


def _total(op: AggregateOp, amounts: list[Amount]) -> Fraction:
    if op is AggregateOp.DISTINCT:
        return Fraction(len(set(amounts)))
    numbers = [Fraction(one) for one in amounts if not isinstance(one, bytes)]
    match op:
        case AggregateOp.MAX:
            return max(numbers)
        case AggregateOp.MIN:
            return min(numbers)
    return sum(numbers, Fraction())


VALUES = st.sampled_from([0, 1, 2, 3, 5, 0.1, 0.2, 1e-7, 10**30])
BOUNDS = st.sampled_from([0, 1, 2, 3, 4, 6, "0.3", "5.0000001", 10**30])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "commit", "commit", "commit", "old", "release", "revert"]),
        VALUES,
        st.integers(0, 4),
    ),
    max_size=25,
)
AGGREGATES = st.builds(
    lambda op, window, bounds: loaded(op, window=window, **bounds),
    st.sampled_from([op.value for op in AggregateOp]),
    st.sampled_from([None, 3, 7]),
    st.dictionaries(st.sampled_from(["lt", "lte", "gt", "gte"]), BOUNDS, min_size=1),
)
QUICK = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def lived(
    aggregate: LoadedAggregate, steps: list[tuple[str, Json, int]], entries_max: int = 10_000
) -> tuple[Amounts, Naive, datetime]:
    """Let calls come and go, in both; return the time at which all is told."""
    amounts = Amounts(aggregate.op, aggregate.window, entries_max=entries_max)
    naive = Naive()
    now = START
    for what, plain, later in steps:
        value = given_value(aggregate, plain)
        now += timedelta(seconds=later)
        if what in {"open", "commit", "old"}:
            amounts.open(value)
            naive.opened.append(value)
        if what in {"commit", "old"}:
            at = now - timedelta(seconds=later) / 2 if what == "old" else now
            amounts.commit(value, at)
            naive.opened.remove(value)
            naive.committed.append((value, at))
        if what == "release" and naive.opened:
            amounts.release(naive.opened.pop())
        if what == "revert" and naive.committed:
            amounts.revert(*naive.committed.pop(later % len(naive.committed)))
    return amounts, naive, now


@QUICK
@given(AGGREGATES, STEPS, st.lists(VALUES, max_size=3), VALUES, st.integers(0, 8))
def test_it_says_what_a_list_that_is_read_again_says_and_for_how_long(
    aggregate: LoadedAggregate,
    steps: list[tuple[str, Json, int]],
    holds: list[Json],
    plain: Json,
    later: int,
) -> None:
    amounts, naive, last = lived(aggregate, steps)
    held = [given_value(aggregate, one) for one in holds]
    value = given_value(aggregate, plain)
    now = last + timedelta(seconds=later)
    window = Window()
    found = [one.rule for one in judge(aggregate, amounts, held, value, now, window)]

    def naively(at: datetime) -> list[str]:
        return naive.failing(aggregate, held, value, at)

    assert found == naively(now)
    if window.holds_until is not None:
        assert naively(window.holds_until) == found
        assert naively(window.holds_until + TICK) != found
    else:
        assert naively(now + timedelta(days=9)) == found
    if window.holds_from is None:
        assert naively(START - timedelta(days=9)) == found
    else:
        assert naively(window.holds_from) == found
        was_dropped = window.holds_from <= last
        assert was_dropped or naively(window.holds_from - TICK) != found


@QUICK
@given(AGGREGATES, STEPS, STEPS, VALUES)
def test_a_document_and_a_copy_are_the_same_and_go_their_own_way(
    aggregate: LoadedAggregate,
    steps: list[tuple[str, Json, int]],
    more: list[tuple[str, Json, int]],
    plain: Json,
) -> None:
    amounts, _, now = lived(aggregate, steps)
    value = given_value(aggregate, plain)
    document = foreign.parse(foreign.encode(amounts.document()))
    assert isinstance(document, dict)
    restored = Amounts.restored(aggregate.op, aggregate.window, document)
    copied = amounts.copy()
    for what, one, later in more:
        if what != "revert":
            amounts.open(given_value(aggregate, one))
            amounts.commit(given_value(aggregate, one), now + timedelta(seconds=later))
    assert copied.document() == document
    assert restored.document() == document
    windows = Window(), Window()
    reasons = [
        judge(aggregate, one, [], value, now, window)
        for one, window in zip((copied, restored), windows, strict=True)
    ]
    assert reasons[0] == reasons[1]
    assert windows[0] == windows[1]


@QUICK
@given(AGGREGATES, STEPS, VALUES, st.integers(0, 8), st.sampled_from([2, 4, 5]))
def test_where_values_are_told_roughly_nothing_passes_that_should_not(
    aggregate: LoadedAggregate,
    steps: list[tuple[str, Json, int]],
    plain: Json,
    later: int,
    entries_max: int,
) -> None:
    amounts, naive, last = lived(aggregate, steps, entries_max)
    value = given_value(aggregate, plain)
    now = last + timedelta(seconds=later)
    window = Window()
    found = {one.rule for one in judge(aggregate, amounts, [], value, now, window)}
    assert found >= set(naive.failing(aggregate, [], value, now))
    if not found:
        for at in (window.holds_until, window.holds_from):
            assert at is None or naive.failing(aggregate, [], value, at) == []
