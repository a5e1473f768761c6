"""What the calls that count come to together, kept so that no call is ever read again."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from placet.kernel.foreign import Json
from placet.policy.decision import Reason
from placet.policy.model import Aggregate, AggregateOp, AggregateScope
from placet.policy.numbers import Number
from placet.policy.paths import Path
from placet.policy.window import Window

Amount: TypeAlias = Number | bytes
"""What one call gives: a number, 1 for `count`, a digest of the value for `distinct`."""


@dataclasses.dataclass(frozen=True, slots=True)
class AggregateBound:
    """One bound: `name` is `gt`, `gte`, `lt` or `lte`."""

    name: str
    value: Number
    rule: str


@dataclasses.dataclass(frozen=True, slots=True)
class LoadedAggregate:
    """One aggregate, its path parsed. `path` is null for `count`; `window` null is without end."""

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
    raise NotImplementedError


def amount_of(aggregate: LoadedAggregate, arguments: Json) -> Amount | None:
    """Return what a call gives, or None where the value is missing or unfit."""
    raise NotImplementedError


def missing(aggregate: LoadedAggregate) -> Reason:
    """Return the reason for a call that gives nothing: `AGGREGATE_MISSING`."""
    raise NotImplementedError


class Amounts:
    """What the counted calls of one series come to. Changed by the fold, read by evaluation."""

    def __init__(self, op: AggregateOp, window: timedelta | None) -> None:
        """Begin with nothing."""

    def open(self, value: Amount) -> None:
        """Count a granted call."""

    def release(self, value: Amount) -> None:
        """Take back an open one that failed."""

    def commit(self, value: Amount, at: datetime) -> None:
        """Move an open one to the committed ones."""

    def revert(self, value: Amount, at: datetime) -> None:
        """Take back one that was committed at `at`."""

    def copy(self) -> "Amounts":
        """Return one that changes apart from this one."""
        raise NotImplementedError

    def document(self) -> dict[str, object]:
        """Return it as plain JSON, exactly."""
        raise NotImplementedError

    @classmethod
    def restored(
        cls, op: AggregateOp, window: timedelta | None, document: dict[str, object]
    ) -> "Amounts":
        """Return what `document` was made of."""
        raise NotImplementedError


def judge(  # noqa: PLR0913 -- what is counted, what is held, what comes, and when
    aggregate: LoadedAggregate,
    amounts: Amounts | None,
    held: Sequence[Amount],
    value: Amount,
    now: datetime,
    window: Window,
) -> list[Reason]:
    """Return a reason for each bound that a call with this value would not keep."""
    raise NotImplementedError
