"""Allowances, slices, what calls take, and what a decision reckoned with."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from placet.events.model import StreamId
from placet.kernel.ids import TenantId
from placet.kernel.principal import Environment
from placet.kernel.value import Value
from placet.policy.model import AggregateOp, AggregateScope


class ReplayAllowance(Value, frozen=True):
    """What one wide aggregate adds up, over all sessions.

    `target` is the agent's name; null for a tenant, and for a principal, who is not named here: the
    id is a hash over whose it is. Without a window, `reserved` is what all slices use and hold.
    """

    tenant_id: TenantId
    allowance_id: UUID
    environment: Environment
    scope: AggregateScope
    target: str | None
    tool_name: str
    op: AggregateOp
    path: str | None
    window_seconds: int | None
    name: str
    reserved: Decimal
    created_at: datetime


class ReplaySlice(Value, frozen=True):
    """A session's part of an allowance: what its calls take, and what it holds for later ones."""

    tenant_id: TenantId
    session_id: StreamId
    allowance_id: UUID
    held: Decimal
    used: Decimal


class ReplayWideAmount(Value, frozen=True):
    """What one call takes from an allowance, from its grant until it is released."""

    tenant_id: TenantId
    session_id: StreamId
    call_id: UUID
    allowance_id: UUID
    value: Decimal
    granted_at: datetime
    committed_at: datetime | None
    released_at: datetime | None


class Allowance(Value, frozen=True):
    """An allowance as a session's contract bounds it.

    `most` is the bound as decimal text, null where there is none; with `is_below` the sum stays
    below it.
    """

    allowance_id: UUID
    environment: Environment
    scope: AggregateScope
    target: str | None
    tool_name: str
    op: AggregateOp
    path: str | None
    window_seconds: int | None
    name: str
    most: str | None
    is_below: bool


class Take(Value, frozen=True):
    """What a call takes from an allowance, from its grant on; `value` is decimal text."""

    call_id: UUID
    allowance_id: UUID
    value: str
    is_committed: bool = False


class Look(Value, frozen=True):
    """What a decision reckoned that other sessions' calls take, as decimal text.

    It holds while they take `least` or more, and while they take no more than `most` or than fits
    into `room`. Each null where the decision does not rest on it.
    """

    allowance_id: UUID
    least: str | None = None
    most: str | None = None
    room: str | None = None


class Wide(Value, frozen=True):
    """Everything that a decision takes from allowances, and what it reckoned with.

    `waits` says that slices of others are waited for which are in use and may hold what is needed.
    """

    allowances: list[Allowance]
    takes: list[Take]
    looks: list[Look]
    waits: bool = False


class Others(Value, frozen=True):
    """What other sessions' calls take from an allowance, as a function told it."""

    name: str
    value: str
