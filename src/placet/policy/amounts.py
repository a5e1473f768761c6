"""What the calls that count come to together, kept so that no call is ever read again.

A bound must hold with the open calls, which may yet take effect, and without them, since they may
not. One of the two is the harder: for an upper bound on a sum all that may count, for a lower bound
only what counts for sure, and the other way round for the smallest value. Only that one is judged.
"""

import dataclasses
import functools
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, TypeAlias, cast

from msgspec import UNSET

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.decision import Code, Reason
from placet.policy.model import Aggregate, AggregateOp, AggregateScope
from placet.policy.numbers import (
    Number,
    bound,
    exact,
    is_number,
    minus,
    normal,
    number_of,
    plus,
)
from placet.policy.paths import MISSING, Path, find, parse_path
from placet.policy.series.beyond import NOTHING_BEYOND, Beyond
from placet.policy.series.bounds import AggregateBound
from placet.policy.series.distincts import Distincts
from placet.policy.series.extremes import Extremes
from placet.policy.series.sums import Sums
from placet.policy.series.timed import shifted
from placet.policy.window import Window

Amount: TypeAlias = Number | bytes
"""What one call gives: a number, 1 for `count`, a digest of the value for `distinct`."""

ENTRIES_MAX: Final = 10_000
_SAYS: Final = {"gt": "greater than", "gte": "at least", "lt": "less than", "lte": "at most"}
_OF_DIFFERENT: Final = frozenset({AggregateOp.DISTINCT, AggregateOp.MAX, AggregateOp.MIN})
_WHAT: Final = {
    AggregateOp.SUM: "the sum of",
    AggregateOp.MAX: "the largest",
    AggregateOp.MIN: "the smallest",
    AggregateOp.DISTINCT: "the number of different",
    AggregateOp.COUNT: "the number of calls",
}


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedAggregate:
    """One aggregate, its path parsed. `path` is null for `count`; a null `window` has no end.

    With `is_secret` the path is redacted, and no reason spells out a bound.
    """

    rule: str
    name: str
    op: AggregateOp
    path: Path | None
    scope: AggregateScope
    window: timedelta | None
    bounds: tuple[AggregateBound, ...]
    is_secret: bool = False


def load_aggregate(aggregate: Aggregate, rule: str, *, is_secret: bool = False) -> LoadedAggregate:
    """Return an aggregate that stands at `rule`. Raises `PathError` for a bad path."""
    seconds = aggregate.window_seconds
    bounds = ((name, getattr(aggregate, name)) for name in _SAYS)
    return LoadedAggregate(
        rule=rule,
        name=aggregate.name,
        op=aggregate.op,
        path=None if aggregate.path is UNSET else parse_path(aggregate.path),
        scope=aggregate.scope,
        window=None if seconds is UNSET else timedelta(seconds=seconds),
        bounds=tuple(
            AggregateBound.made(
                name, bound(value), f"{rule}.{name}", is_least=aggregate.op is AggregateOp.MIN
            )
            for name, value in bounds
            if value is not UNSET
        ),
        is_secret=is_secret,
    )


def amount_of(aggregate: LoadedAggregate, arguments: Json) -> Amount | None:
    """Return what a call gives, or None where the value is missing or unfit.

    Unfit is what is no number, and for a sum a negative one; any value can be told from others.
    """
    if aggregate.op is AggregateOp.COUNT:
        return 1
    value = MISSING if aggregate.path is None else find(aggregate.path, arguments)
    if value is MISSING:
        return None
    if aggregate.op is AggregateOp.DISTINCT:
        return sha256(foreign.encode(normal(value))).digest()
    if type(value) is not int and not is_number(value):
        return None
    number = exact(cast("float", value))
    return None if number < 0 and aggregate.op is AggregateOp.SUM else number


class Amounts:
    """What the counted calls of one series come to. Changed by the fold, read by evaluation.

    Its size is bounded by the number of open calls and `entries_max`. Of more committed values than
    that in one window, the older ones are told only roughly, on the safe side of every bound; of
    more different ones, `judge` lets no new one come.

    What calls beyond the series give is told from elsewhere: `beyond_sure` what is committed,
    `beyond_full` with what is open.
    """

    __slots__ = (
        "_opened",
        "_opened_sum",
        "beyond_full",
        "beyond_sure",
        "entries_max",
        "op",
        "series",
        "window",
    )

    def __init__(
        self, op: AggregateOp, window: timedelta | None, *, entries_max: int = ENTRIES_MAX
    ) -> None:
        """Begin with nothing."""
        self.op = op
        self.window = window
        self.entries_max = entries_max
        self._opened: Counter[Amount] = Counter()
        self._opened_sum: Number = 0
        self.beyond_sure: Beyond = NOTHING_BEYOND
        self.beyond_full: Beyond = NOTHING_BEYOND
        self.series: Sums | Extremes | Distincts
        if op is AggregateOp.DISTINCT:
            self.series = Distincts(window, entries_max)
        elif op in {AggregateOp.MAX, AggregateOp.MIN}:
            self.series = Extremes(window, entries_max, is_largest=op is AggregateOp.MAX)
        else:
            self.series = Sums(window, entries_max)

    def open(self, value: Amount) -> None:
        """Count a granted call."""
        if isinstance(self.series, Sums):
            self._opened_sum = plus(self._opened_sum, cast("Number", value))
        else:
            self._opened[value] += 1

    def release(self, value: Amount) -> None:
        """Take back an open one that failed. Raises `ValueError` for one that is not open."""
        if isinstance(self.series, Sums):
            self._opened_sum = minus(self._opened_sum, cast("Number", value))
            return
        if value not in self._opened:
            message = "nothing like that is open"
            raise ValueError(message)
        self._opened[value] -= 1
        if not self._opened[value]:
            del self._opened[value]

    def commit(self, value: Amount, at: datetime) -> None:
        """Move an open one to the committed ones."""
        self.release(value)
        self.series.add(value, at)  # type: ignore[arg-type]  # -- the op decides which amounts

    def revert(self, value: Amount, at: datetime) -> None:
        """Take back one that was committed at `at`.

        Where it can no longer be told from others that were put together with it, it counts as
        open from now on: that denies what should be denied, and perhaps more. Raises `ValueError`
        for what was never committed, where that can be seen.
        """
        if not self.series.take(value, at):  # type: ignore[arg-type]  # -- the same
            self.open(value)

    def copy(self) -> "Amounts":
        """Return one that changes apart from this one."""
        other = Amounts.__new__(Amounts)
        other.op, other.window, other.entries_max = self.op, self.window, self.entries_max
        other._opened = self._opened.copy()  # noqa: SLF001 -- of its own kind
        other._opened_sum = self._opened_sum  # noqa: SLF001 -- the same
        other.beyond_sure, other.beyond_full = self.beyond_sure, self.beyond_full
        other.series = self.series.copy()
        return other

    def document(self) -> dict[str, Json]:
        """Return it as plain JSON; numbers are texts, so that nothing is lost."""
        return {
            "opened": [[_written(value), count] for value, count in self._opened.items()],
            "opened_sum": str(self._opened_sum),
            "series": cast("Json", self.series.document()),
        }

    @classmethod
    def restored(
        cls, op: AggregateOp, window: timedelta | None, document: Mapping[str, Json]
    ) -> "Amounts":
        """Return what `document` was made of."""
        made = cls(op, window)
        read = bytes.fromhex if op is AggregateOp.DISTINCT else number_of
        for value, count in cast("list[tuple[str, int]]", document["opened"]):
            made._opened[read(value)] = count
        made._opened_sum = number_of(document["opened_sum"])
        made.series.restore(cast("dict[str, Json]", document["series"]))
        return made

    @property
    def is_crowded(self) -> bool:
        """Say whether as many different values are open as may be."""
        return len(self._opened) >= self.entries_max

    @property
    def different_max(self) -> int:
        """Return at least as many different values as are open or committed."""
        beyond = len(self.beyond_full.values) + self.beyond_full.besides
        return len(self._opened) + len(self.series.lasts) + beyond

    def given(self, now: datetime, *, is_full: bool) -> list[Amount]:
        """Return what its own calls give at a time: a sum, an extreme, or the different values."""
        series, times = self.series, self.series.times(is_full=is_full)
        place = 0 if self.window is None else bisect_right(times, shifted(now, -self.window))
        opened = [*self._opened] if is_full else []
        match series:
            case Sums():
                return [plus(series.after(place), self._opened_sum if is_full else 0)]
            case Distincts():
                return [*opened, *series.digests[place:]]
            case Extremes():
                found = series.after(place)
                return opened if found is None else [*opened, found]

    def sum_with(self, value: Number) -> Number:
        """Return what a sum comes to with one more value: all that is open or ever committed."""
        known = self.series.after(0)  # type: ignore[call-arg]  # -- only sums are asked
        return plus(plus(value, self._opened_sum), cast("Number", known))

    def together(
        self, value: Amount, held: Sequence[Amount], *, is_full: bool
    ) -> Callable[[int], Number]:
        """Return what tells, for a place, what comes of the entries from there on and of `value`.

        With `is_full`, open ones and those `held` count too.
        """
        series = self.series
        beyond = self.beyond_full if is_full else self.beyond_sure
        if isinstance(series, Sums):
            base = cast("Number", value)
            if is_full:
                base = plus(base, self._opened_sum)
                for one in held:
                    base = plus(base, cast("Number", one))
            for one in beyond.values:
                base = plus(base, cast("Number", one))
            return lambda place: plus(base, series.after(place))
        besides = {value, *held, *self._opened} if is_full else {value}
        besides |= beyond.values
        if isinstance(series, Distincts):
            digests = cast("set[bytes]", besides)
            return lambda place: series.after(place, digests) + beyond.besides
        numbers = cast("set[Number]", besides)
        pick = max if series.is_largest else min
        own = pick(numbers)

        def extreme(place: int) -> Number:
            found = series.after(place)
            return own if found is None else pick(own, found)

        return extreme


def judge(  # noqa: PLR0913, PLR0917 -- what is counted, what is held, what comes, and when
    aggregate: LoadedAggregate,
    amounts: Amounts | None,
    held: Sequence[Amount],
    value: Amount,
    now: datetime,
    window: Window,
) -> list[Reason]:
    """Return a reason for each bound that a call with this value would not keep.

    `amounts` are the series' calls that count, `held` those of the same response before this one.
    `window` is narrowed to the time in which the answer stays the same.
    """
    if amounts is None:
        amounts = _nothing(aggregate.op, aggregate.window)
    reasons = []
    for one in aggregate.bounds:
        total = amounts.together(value, held, is_full=one.is_full)
        if not one.is_kept(amounts.series, total, now, window):
            reasons.append(_exceeded(aggregate, one))
    if aggregate.op in _OF_DIFFERENT and not _has_room(amounts, held, value, now, window):
        reasons.append(_full(aggregate))
    return reasons


def keeps(  # noqa: PLR0913, PLR0917 -- the same
    aggregate: LoadedAggregate,
    amounts: Amounts | None,
    held: Sequence[Amount],
    value: Amount,
    now: datetime,
    window: Window,
) -> bool:
    """Say whether `judge` has no reason; if so, `window` is narrowed as it would be there."""
    if amounts is not None and not held and isinstance(amounts.series, Sums):
        series = amounts.series
        total = amounts.sum_with(cast("Number", value))
        for one in aggregate.bounds:
            if not one.is_full or not one.holds(total, one.value):
                break
        else:
            if series.floor is not None and aggregate.bounds:
                window.starts(series.floor)
            return True
    return not judge(aggregate, amounts, held, value, now, window)


@functools.lru_cache(1_000)
def _nothing(op: AggregateOp, window: timedelta | None) -> Amounts:
    """Return the series of no call, which nobody changes."""
    return Amounts(op, window)


def _has_room(
    amounts: Amounts,
    held: Sequence[Amount],
    value: Amount,
    now: datetime,
    window: Window,
) -> bool:
    """Say whether what is kept stays bounded: one more kind of upper bound."""
    if amounts.op is not AggregateOp.DISTINCT:
        return not amounts.is_crowded
    if amounts.different_max + len(held) < amounts.entries_max:
        return True
    most = AggregateBound.made("lte", amounts.entries_max, "", is_least=False)
    return most.is_kept(amounts.series, amounts.together(value, held, is_full=True), now, window)


def _written(value: Amount) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def missing(aggregate: LoadedAggregate) -> Reason:
    """Return the reason for a call that gives nothing: `AGGREGATE_MISSING`."""
    path = "" if aggregate.path is None else aggregate.path.text
    is_sum = aggregate.op is AggregateOp.SUM
    wanted = "a number that is not negative" if is_sum else "a number"
    return Reason(
        code=Code.AGGREGATE_MISSING,
        rule=aggregate.rule,
        detail=f"`{path}` gives nothing to `{aggregate.name}`",
        needs=f"`{path}` is " + ("there" if aggregate.op is AggregateOp.DISTINCT else wanted),
    )


def _exceeded(aggregate: LoadedAggregate, bound: AggregateBound) -> Reason:
    limit = "what the contract says" if aggregate.is_secret else f"`{bound.value}`"
    return Reason(
        code=Code.AGGREGATE_EXCEEDED,
        rule=bound.rule,
        detail=f"`{aggregate.name}` would be out of its bound",
        needs=f"{_what(aggregate)} is {_SAYS[bound.name]} {limit}, this call included",
    )


def _full(aggregate: LoadedAggregate) -> Reason:
    return Reason(
        code=Code.AGGREGATE_EXCEEDED,
        rule=aggregate.rule,
        detail=f"`{aggregate.name}` has as many different values as can be kept",
        needs="a value that is among them, or fewer of them",
    )


def _what(aggregate: LoadedAggregate) -> str:
    what = _WHAT[aggregate.op]
    if aggregate.path is not None:
        what = f"{what} `{aggregate.path.text}`"
    if aggregate.window is None:
        return what
    return f"{what} in the last {aggregate.window // timedelta(seconds=1):,} s"
