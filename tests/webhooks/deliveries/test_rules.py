"""When a delivery is tried again, and what is sent."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from placet.events.model import RecordedEvent, StreamId
from placet.kernel.ids import ActorId, TenantId
from placet.webhooks.deliveries import rules
from placet.webhooks.deliveries.model import DeliveryStatus, Outcome, SendFault, WebhookDelivery
from placet.webhooks.endpoints.model import EndpointId, WebhookType

AT = datetime(2026, 3, 4, tzinfo=UTC)
DELIVERY = WebhookDelivery(
    tenant_id=TenantId(UUID(int=1)),
    endpoint_id=EndpointId(UUID(int=2)),
    event_id=UUID(int=3),
    stream_id=StreamId(UUID(int=4)),
    seq=5,
    event_type=WebhookType.CONTROL_SET,
    occurred_at=AT,
    status=DeliveryStatus.DUE,
    attempts=1,
    first_tried_at=AT,
    next_at=AT,
    claim_number=1,
    claim_until=None,
    last_status=None,
    last_fault=None,
    settled_at=None,
)
LOW, MIDDLE, HIGH = b"\x00\x00", b"\x7f\xff", b"\xff\xff"
EVENT = RecordedEvent(
    tenant_id=DELIVERY.tenant_id,
    stream_id=DELIVERY.stream_id,
    seq=5,
    event_id=DELIVERY.event_id,
    actor_id=ActorId(UUID(int=6)),
    epoch=1,
    fence=0,
    control_epoch=0,
    control_revision=0,
    at=AT,
    type="ControlSet",
    prev=b"",
    body_hash=b"",
    leaf=b"",
    salt=b"",
    body=b'{"reason":"enough"}',
)


def waits(attempts: int, jitter: bytes) -> float:
    tried = msgspec.structs.replace(DELIVERY, attempts=attempts)
    found = rules.decide_next(tried, AT, jitter)
    assert found is not None
    return (found - AT).total_seconds()


def test_waits_grow_threefold_up_to_four_hours() -> None:
    told = [round(waits(attempts, MIDDLE)) for attempts in range(1, 11)]
    assert told == [5, 15, 45, 135, 405, 1215, 3645, 10935, 14400, 14400]
    assert waits(10_000, MIDDLE) == pytest.approx(14_400, rel=0.001)


def test_chance_moves_a_wait_by_a_fifth_at_most() -> None:
    assert (waits(1, LOW), waits(1, HIGH)) == (4, 6)


def test_the_last_try_is_a_day_after_the_first_and_then_it_is_given_up() -> None:
    late = msgspec.structs.replace(DELIVERY, attempts=12)
    before = AT + timedelta(hours=23, minutes=59)
    assert rules.decide_next(late, before, MIDDLE) == AT + timedelta(hours=24)
    assert rules.decide_next(late, AT + timedelta(hours=24), MIDDLE) is None


def test_in_a_day_that_nobody_answers_a_receiver_is_called_about_a_dozen_times() -> None:
    now, calls = AT, 1
    while True:
        tried = msgspec.structs.replace(DELIVERY, attempts=calls)
        following = rules.decide_next(tried, now, MIDDLE)
        if following is None:
            break
        assert following > now
        now, calls = following, calls + 1
    assert 10 <= calls <= 16


@pytest.mark.parametrize("status", [100, 199, 300, 301, 302, 304, 307, 400, 410, 429, 500, 999])
def test_any_status_but_two_hundreds_is_a_failure(status: int) -> None:
    outcome = rules.outcome_of(status)
    assert outcome == Outcome(status=status, fault=SendFault.STATUS)
    assert not rules.is_delivered(outcome)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_two_hundreds_count_as_delivered(status: int) -> None:
    assert rules.is_delivered(rules.outcome_of(status))


def test_no_answer_at_all_is_no_delivery() -> None:
    assert not rules.is_delivered(Outcome(fault=SendFault.TIMEOUT))


def test_a_body_holds_the_events_place_and_what_it_says() -> None:
    told = msgspec.json.decode(rules.encode(EVENT))
    assert told == {
        "type": "ControlSet",
        "timestamp": "2026-03-04T00:00:00Z",
        "tenant_id": str(EVENT.tenant_id),
        "stream_id": str(EVENT.stream_id),
        "seq": 5,
        "event_id": str(EVENT.event_id),
        "actor_id": str(EVENT.actor_id),
        "data": {"reason": "enough"},
    }


def test_an_event_whose_body_was_erased_is_told_without_data() -> None:
    erased = msgspec.structs.replace(EVENT, salt=None, body=None)
    assert msgspec.json.decode(rules.encode(erased))["data"] is None
