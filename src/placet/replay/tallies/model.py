"""Marks in tallies, what a decision found there, and what it is told of others."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import field

from placet.events.model import StreamId
from placet.kernel.ids import TenantId
from placet.kernel.value import Value
from placet.policy.model import AggregateOp


class ReplayTallyMark(Value, frozen=True):
    """What one call gives to a tally, while it counts there.

    `value` is a number, 1 for `count`; for `distinct` it is null, and `digest` that of the value.
    """

    tenant_id: TenantId
    session_id: StreamId
    call_id: UUID
    tally_id: UUID
    value: Decimal | None
    digest: bytes | None
    granted_at: datetime
    committed_at: datetime | None


class Tally(Value, frozen=True):
    """A tally that a decision met, by the aggregate's name.

    `most` is how far sums and numbers of different values are counted at most, as decimal text.
    `asked` are the values that others may have too; for `distinct` alone. Here and in what follows,
    values are decimal text, and for `distinct` digests in hex.
    """

    tally_id: UUID
    name: str
    op: AggregateOp
    window_seconds: int | None
    most: str
    asked: list[str] = field(default_factory=list)


class Look(Value, frozen=True):
    """What a decision found of one bound: whether it is kept with these values beside the marks.

    `bound` is `gt`, `gte`, `lt` or `lte`, `than` its value. With `is_full` open calls count too.
    """

    tally_id: UUID
    bound: str
    than: str
    values: list[str]
    is_full: bool
    is_kept: bool


class Mark(Value, frozen=True):
    """What a call gives to a tally from its grant on: a value, or a digest."""

    call_id: UUID
    tally_id: UUID
    value: str | None
    digest: str | None
    is_committed: bool = False


class Tallied(Value, frozen=True):
    """Everything that a decision found in tallies, and marks there."""

    tallies: list[Tally]
    looks: list[Look]
    marks: list[Mark]


class ToldPart(Value, frozen=True):
    """What calls of other sessions give to a tally.

    A sum or an extreme is one value. For `distinct` those that were asked about, and how many
    different ones there are `besides`.
    """

    values: list[str]
    besides: int = 0


class ToldTally(Value, frozen=True):
    """What others give to a tally: what is committed, and with what is open."""

    name: str
    sure: ToldPart
    full: ToldPart
