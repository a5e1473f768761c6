"""Questions about the outbox, claims, and the marks that count under them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa

from placet.storage.database import Reading, Writing
from placet.webhooks.deliveries.model import (
    CLAIM_SECONDS,
    DeliveryAnswer,
    DeliveryStatus,
    Outcome,
    WebhookDelivery,
    WebhookDeliveryNotFound,
)
from placet.webhooks.deliveries.tables import DELIVERY
from placet.webhooks.endpoints.model import EndpointStatus
from placet.webhooks.endpoints.tables import ENDPOINT

_NOW: Final = sa.func.clock_timestamp()
_OPEN: Final = (DeliveryStatus.DUE, DeliveryStatus.DEAD)
_SETTLED: Final = (DeliveryStatus.DELIVERED, DeliveryStatus.SKIPPED, DeliveryStatus.DROPPED)
_EARLIER: Final = DELIVERY.alias("earlier")


async def claim_heads(tx: Writing, endpoint_id: UUID, limit: int) -> list[WebhookDelivery]:
    """Claim up to `limit` deliveries that are due, each the first open one of its stream.

    A row that another sender looks at in this moment is left to that one. What is returned is as it
    stands after the claim, which lasts 30 seconds.
    """
    first = (
        sa.select(DELIVERY.c.event_id)
        .where(*_of(tx, endpoint_id), DELIVERY.c.status == DeliveryStatus.DUE)
        .where(DELIVERY.c.next_at <= _NOW, ~_is_claimed(), ~_is_behind())
        .order_by(DELIVERY.c.next_at)
        .limit(limit)
        .with_for_update(of=DELIVERY, skip_locked=True)
        .cte("heads")
        .prefix_with("MATERIALIZED")
    )
    claim = (
        sa.update(DELIVERY)
        .where(*_of(tx, endpoint_id), DELIVERY.c.event_id == first.c.event_id)
        # Race: the claim of somebody faster may have come between the look and the lock.
        .where(DELIVERY.c.status == DeliveryStatus.DUE, ~_is_claimed())
        .values(
            claim_number=DELIVERY.c.claim_number + 1,
            claim_until=_NOW + sa.func.make_interval(0, 0, 0, 0, 0, 0, CLAIM_SECONDS),
            attempts=DELIVERY.c.attempts + 1,
            first_tried_at=sa.func.coalesce(DELIVERY.c.first_tried_at, _NOW),
        )
        .returning(*DELIVERY.c)
    )
    return [_delivery(row) for row in await tx.rows(claim)]


async def advance_to_delivered(tx: Writing, claimed: WebhookDelivery, outcome: Outcome) -> bool:
    """Mark a delivery as done. Returns False if its claim is no longer this one."""
    change = _under(tx, claimed).values(
        status=DeliveryStatus.DELIVERED,
        claim_until=None,
        last_status=outcome.status,
        last_fault=None,
        settled_at=_NOW,
    )
    return await tx.change(change) == 1


async def advance_after_fault(
    tx: Writing, claimed: WebhookDelivery, outcome: Outcome, next_at: datetime | None
) -> bool:
    """Mark a call as failed: to be tried at `next_at`, or dead. Returns False as above."""
    told = {"claim_until": None, "last_status": outcome.status, "last_fault": outcome.fault}
    change = _under(tx, claimed)
    if next_at is None:
        change = change.values(**told, status=DeliveryStatus.DEAD, settled_at=_NOW)
    else:
        change = change.values(**told, next_at=next_at)
    return await tx.change(change) == 1


async def put_off(tx: Writing, claimed: WebhookDelivery, next_at: datetime) -> bool:
    """Take back an attempt that was none, until `next_at`. Returns False as above."""
    is_first = claimed.attempts == 1
    change = _under(tx, claimed).values(
        claim_until=None,
        attempts=DELIVERY.c.attempts - 1,
        first_tried_at=None if is_first else DELIVERY.c.first_tried_at,
        next_at=next_at,
    )
    return await tx.change(change) == 1


async def advance_from_parked(tx: Writing, parked: WebhookDelivery, to: DeliveryStatus) -> bool:
    """Release or skip what is parked. Returns False if it is not."""
    change = (
        sa.update(DELIVERY)
        .where(*_is(tx, parked.endpoint_id, parked.event_id))
        .where(DELIVERY.c.status == DeliveryStatus.DEAD)
    )
    if to is DeliveryStatus.DUE:  # its 24 hours begin again
        begun = {"attempts": 0, "first_tried_at": None, "settled_at": None}
        change = change.values(**begun, status=to, next_at=_NOW)
    else:
        change = change.values(status=to, settled_at=_NOW)
    return await tx.change(change) == 1


async def begin_again(tx: Writing, endpoint_id: UUID) -> int:
    """Let the 24 hours of what was tried and waits begin again, from now on. Returns how many.

    What is claimed in this moment stays as it is.
    """
    change = (
        sa.update(DELIVERY)
        .where(*_of(tx, endpoint_id), DELIVERY.c.status == DeliveryStatus.DUE, ~_is_claimed())
        .where(DELIVERY.c.first_tried_at.is_not(None))
        .values(attempts=0, first_tried_at=None, next_at=sa.func.least(DELIVERY.c.next_at, _NOW))
    )
    return await tx.change(change)


async def drop_open(tx: Writing, endpoint_id: UUID) -> int:
    """Give up everything that waits for an endpoint which was removed. Returns how many."""
    change = (
        sa.update(DELIVERY)
        .where(*_of(tx, endpoint_id), DELIVERY.c.status.in_(_OPEN))
        .values(status=DeliveryStatus.DROPPED, claim_until=None, settled_at=_NOW)
    )
    return await tx.change(change)


async def drop_removed(tx: Writing) -> int:
    """Give up what waits for any endpoint that was removed. Returns how many."""
    removed = sa.select(ENDPOINT.c.endpoint_id).where(
        ENDPOINT.c.tenant_id == tx.tenant_id, ENDPOINT.c.status == EndpointStatus.REMOVED
    )
    change = (
        sa.update(DELIVERY)
        .where(DELIVERY.c.tenant_id == tx.tenant_id, DELIVERY.c.endpoint_id.in_(removed))
        .where(DELIVERY.c.status.in_(_OPEN))
        .values(status=DeliveryStatus.DROPPED, claim_until=None, settled_at=_NOW)
    )
    return await tx.change(change)


async def forget_settled(tx: Writing, kept: timedelta, limit: int) -> datetime | None:
    """Delete up to `limit` deliveries that were settled longer ago than `kept`.

    What waits or is parked stays. Returns when the next one is to be deleted, or None if none is.
    """
    old = (
        sa.select(DELIVERY.c.endpoint_id, DELIVERY.c.event_id)
        .where(DELIVERY.c.tenant_id == tx.tenant_id, DELIVERY.c.status.in_(_SETTLED))
        .where(DELIVERY.c.settled_at <= _NOW - kept)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    both = sa.tuple_(DELIVERY.c.endpoint_id, DELIVERY.c.event_id)
    await tx.change(sa.delete(DELIVERY).where(DELIVERY.c.tenant_id == tx.tenant_id, both.in_(old)))
    oldest = sa.select(sa.func.min(DELIVERY.c.settled_at).label("at")).where(
        DELIVERY.c.tenant_id == tx.tenant_id, DELIVERY.c.status.in_(_SETTLED)
    )
    (row,) = await tx.rows(oldest)
    at: datetime | None = row.at
    return None if at is None else at + kept


async def find_next(tx: Reading, endpoints: Sequence[UUID]) -> datetime | None:
    """Return when a sender has to look again: the earliest date of what may be claimed then."""
    dates = (
        sa.select(
            sa.func.min(
                sa.func.greatest(
                    DELIVERY.c.next_at,
                    sa.func.coalesce(DELIVERY.c.claim_until, DELIVERY.c.next_at),
                )
            ).label("next_at")
        )
        .where(DELIVERY.c.tenant_id == tx.tenant_id, DELIVERY.c.endpoint_id.in_(endpoints))
        .where(DELIVERY.c.status == DeliveryStatus.DUE, ~_is_behind())
    )
    (row,) = await tx.rows(dates)
    found: datetime | None = row.next_at
    return found


async def get_delivery(tx: Reading, endpoint_id: UUID, event_id: UUID) -> WebhookDelivery:
    """Return a delivery. Refuses `webhook_delivery_not_found`."""
    query = sa.select(DELIVERY).where(*_is(tx, endpoint_id, event_id))
    found = await tx.find(WebhookDelivery, query)
    if found is None:
        raise WebhookDeliveryNotFound(detail="there is no delivery of this event to this endpoint")
    return found


async def list_deliveries(
    tx: Reading,
    endpoint_id: UUID,
    *,
    status: DeliveryStatus | None,
    after: UUID | None,
    limit: int,
) -> list[DeliveryAnswer]:
    """Return up to `limit` deliveries of an endpoint, the newest event first."""
    parked = (
        sa.select(_EARLIER.c.event_id)
        .where(*_before(), _EARLIER.c.status == DeliveryStatus.DEAD)
        .order_by(_EARLIER.c.seq)
        .limit(1)
        .scalar_subquery()
    )
    waits = sa.case((DELIVERY.c.status == DeliveryStatus.DUE, parked), else_=None)
    query = sa.select(*DELIVERY.c, waits.label("waits_for")).where(*_of(tx, endpoint_id))
    if status is not None:
        query = query.where(DELIVERY.c.status == status)
    if after is not None:
        query = query.where(DELIVERY.c.event_id < after)
    return await tx.list(DeliveryAnswer, query.order_by(DELIVERY.c.event_id.desc()).limit(limit))


def _of(tx: Reading, endpoint_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return DELIVERY.c.tenant_id == tx.tenant_id, DELIVERY.c.endpoint_id == endpoint_id


def _is(tx: Reading, endpoint_id: UUID, event_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return *_of(tx, endpoint_id), DELIVERY.c.event_id == event_id


def _under(tx: Reading, claimed: WebhookDelivery) -> sa.Update:
    """Return a change that counts only under the claim that was returned with a delivery."""
    return (
        sa.update(DELIVERY)
        .where(*_is(tx, claimed.endpoint_id, claimed.event_id))
        .where(DELIVERY.c.status == DeliveryStatus.DUE)
        .where(DELIVERY.c.claim_number == claimed.claim_number)
    )


def _is_claimed() -> sa.ColumnElement[bool]:
    return sa.func.coalesce(DELIVERY.c.claim_until > _NOW, sa.false())


def _before() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _EARLIER.c.tenant_id == DELIVERY.c.tenant_id,
        _EARLIER.c.endpoint_id == DELIVERY.c.endpoint_id,
        _EARLIER.c.stream_id == DELIVERY.c.stream_id,
        _EARLIER.c.seq < DELIVERY.c.seq,
    )


def _is_behind() -> sa.ColumnElement[bool]:
    """Tell whether something earlier of the stream is open.

    The stream's lock commits its events in order, so a look that sees a later one sees the earlier.
    """
    return sa.exists().where(*_before(), _EARLIER.c.status.in_(_OPEN))


def _delivery(row: sa.Row[Any]) -> WebhookDelivery:
    named = dict(zip((str(name) for name in row._fields), row, strict=True))
    return msgspec.convert(named, WebhookDelivery)
