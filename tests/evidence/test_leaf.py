"""The leaf, byte by byte."""

import hashlib
import struct
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import pytest

from placet.evidence.fields import Fence
from placet.evidence.leaf import (
    GENESIS,
    EventHeader,
    body_hash,
    event_leaf,
    microseconds,
    moment,
)
from placet.kernel.hashing import Digest

HEADER = EventHeader(
    tenant_id=UUID(int=1),
    stream_id=UUID(int=2),
    event_id=UUID(int=3),
    actor_id=UUID(int=4),
    fence=Fence(epoch=5, n=6),
    control_epoch=7,
    control_revision=8,
    at=datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC),
    seq=9,
    prev=Digest(b"\x0a" * 32),
    body_hash=Digest(b"\x0b" * 32),
    type="CallsProposed",
)


def test_the_layout_is_exactly_this() -> None:
    ids = b"".join(bytes(15) + bytes([n]) for n in (1, 2, 3, 4))
    time = 825672600123456
    expected = (
        b"placet.event.v1\x00"
        + ids
        + b"".join(n.to_bytes(8, "big") for n in (5, 6, 7, 8, time, 9))
        + b"\x0a" * 32
        + b"\x0b" * 32
        + b"\x00\x0dCallsProposed"
    )
    assert len(expected) == 16 + 64 + 48 + 64 + 2 + 13
    assert event_leaf(HEADER) == hashlib.sha256(expected).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"tenant_id": UUID(int=99)},
        {"stream_id": UUID(int=99)},
        {"event_id": UUID(int=99)},
        {"actor_id": UUID(int=99)},
        {"fence": Fence(epoch=6, n=6)},
        {"fence": Fence(epoch=5, n=7)},
        {"control_epoch": 9},
        {"control_revision": 9},
        {"at": HEADER.at + timedelta(microseconds=1)},
        {"seq": 10},
        {"prev": GENESIS},
        {"body_hash": GENESIS},
        {"type": "CallsProposee"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_of_the_header_moves_the_leaf(change: dict[str, object]) -> None:
    assert event_leaf(msgspec.structs.replace(HEADER, **change)) != event_leaf(HEADER)


def test_two_fields_that_trade_values_move_the_leaf() -> None:
    traded = msgspec.structs.replace(HEADER, event_id=HEADER.actor_id, actor_id=HEADER.event_id)
    assert event_leaf(traded) != event_leaf(HEADER)


def test_time_is_counted_as_postgres_sends_it() -> None:
    assert microseconds(datetime(2000, 1, 1, tzinfo=UTC)) == 0
    assert microseconds(datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1
    zone = timezone(timedelta(hours=2))
    assert microseconds(HEADER.at.astimezone(zone)) == microseconds(HEADER.at)
    assert moment(microseconds(HEADER.at)) == HEADER.at


@pytest.mark.parametrize(
    "change",
    [
        {"type": ""},
        {"type": "x" * 201},
        {"type": "é" * 101},
        {"prev": b"short"},
        {"body_hash": b"x" * 33},
        {"seq": 2**63},
        {"control_epoch": -(2**63) - 1},
    ],
)
def test_a_header_that_no_event_can_have_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"type|hash|number"):
        event_leaf(msgspec.structs.replace(HEADER, **change))


def test_a_type_of_two_hundred_bytes_is_taken() -> None:
    assert event_leaf(msgspec.structs.replace(HEADER, type="é" * 100))


def test_a_body_is_hashed_behind_its_salt() -> None:
    salt = bytes(range(16))
    expected = hashlib.sha256(b"placet.event_body.v1\x00" + salt + b"{}").digest()
    assert body_hash(salt, b"{}") == expected
    for bad in (b"", salt[:15], salt + b"\x00"):
        with pytest.raises(ValueError, match="16 bytes"):
            body_hash(bad, b"{}")


def test_a_fixed_header_has_no_padding() -> None:
    assert struct.calcsize(">16s16s16s16sqqqqqq32s32sh") == 178
