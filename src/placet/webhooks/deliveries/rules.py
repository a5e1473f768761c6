"""When a delivery is tried again, when it is given up, and what is sent."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from placet.events.model import RecordedEvent
from placet.webhooks.deliveries.model import (
    DELAY_GROWTH,
    DELAY_SECONDS_FIRST,
    DELAY_SECONDS_MAX,
    TRIED_FOR,
    Outcome,
    SendFault,
    Told,
    WebhookDelivery,
)

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_GOOD: Final = range(200, 300)
JITTER_BYTES: Final = 2
_JITTER_MAX: Final = 256**JITTER_BYTES - 1


def is_delivered(outcome: Outcome) -> bool:
    """Tell whether a call counts: any status from 200 to 299, and nothing else."""
    return outcome.status in _GOOD


def outcome_of(status: int) -> Outcome:
    """Return what a receiver's status comes to."""
    return Outcome(status=status, fault=None if status in _GOOD else SendFault.STATUS)


def decide_next(delivery: WebhookDelivery, now: datetime, jitter: bytes) -> datetime | None:
    """Return when a delivery that has just failed is tried again, or None to give it up.

    Delays are 5 s, 15 s, 45 s and so on up to 4 h, each stretched or shortened by up to a fifth by
    two random bytes; the last try is 24 hours after the first.
    """
    last = (delivery.first_tried_at or now) + TRIED_FOR
    if now >= last:
        return None
    grown = DELAY_SECONDS_FIRST * DELAY_GROWTH ** min(max(delivery.attempts - 1, 0), 20)
    part = int.from_bytes(jitter) / _JITTER_MAX
    delay = timedelta(seconds=min(grown, DELAY_SECONDS_MAX) * (0.8 + 0.4 * part))
    return min(now + delay, last)


def encode(event: RecordedEvent) -> bytes:
    """Return the body of the call that tells of an event: the same bytes at every attempt.

    Its data is null once the event's body was erased.
    """
    told = Told(
        type=event.type,
        timestamp=event.at,
        tenant_id=event.tenant_id,
        stream_id=event.stream_id,
        seq=event.seq,
        event_id=event.event_id,
        actor_id=event.actor_id,
        data=None if event.body is None else msgspec.Raw(event.body),
    )
    return _ENCODER.encode(told)
