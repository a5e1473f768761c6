"""The database computes the leaves of the vectors, and of headers at their limits."""

import json
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest
from tests.evidence.vectors import FOLDER

from placet.evidence.fields import NUMBER_MAX, Fence
from placet.evidence.leaf import EventHeader, event_leaf
from placet.kernel.hashing import Digest
from placet.storage.database import Database

LEAF = "SELECT placet.event_leaf_v1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) AS leaf"

PLAIN = EventHeader(
    tenant_id=UUID(int=1),
    stream_id=UUID(int=2),
    event_id=UUID(int=3),
    actor_id=UUID(int=4),
    fence=Fence(epoch=1, n=2),
    control_epoch=3,
    control_revision=4,
    at=datetime(2026, 3, 1, 9, 30, 0, 123457, tzinfo=UTC),
    seq=5,
    prev=Digest(b"\x06" * 32),
    body_hash=Digest(b"\x07" * 32),
    type="CallProposed",
)


async def leaf_in_sql(db: Database, header: EventHeader) -> bytes:
    """Return the leaf as the database computes it."""
    row = await db.hot.call(
        LEAF,
        header.tenant_id,
        header.stream_id,
        header.event_id,
        header.actor_id,
        header.fence.epoch,
        header.fence.n,
        header.control_epoch,
        header.control_revision,
        header.at,
        header.seq,
        header.prev,
        header.body_hash,
        header.type,
    )
    leaf: bytes = row["leaf"]
    return leaf


async def test_the_database_computes_the_leaves_of_the_vectors(db: Database) -> None:
    vectors = json.loads((FOLDER / "leaf.json").read_bytes())
    assert len(vectors) > 3
    for one in vectors:
        header = EventHeader(
            tenant_id=UUID(one["tenant_id"]),
            stream_id=UUID(one["stream_id"]),
            event_id=UUID(one["event_id"]),
            actor_id=UUID(one["actor_id"]),
            fence=Fence(epoch=one["epoch"], n=one["fence"]),
            control_epoch=one["control_epoch"],
            control_revision=one["control_revision"],
            at=datetime.fromisoformat(one["at"]),
            seq=one["seq"],
            prev=Digest(bytes.fromhex(one["prev"])),
            body_hash=Digest(bytes.fromhex(one["body_hash"])),
            type=one["type"],
        )
        assert (await leaf_in_sql(db, header)).hex() == one["leaf"]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"type": "é" * 100},
        {"type": "x"},
        {"seq": NUMBER_MAX, "control_epoch": NUMBER_MAX, "control_revision": NUMBER_MAX},
        {"fence": Fence(epoch=NUMBER_MAX, n=NUMBER_MAX)},
        {"at": datetime(9999, 12, 31, 23, 59, 59, 999_998, tzinfo=UTC)},
        {"at": datetime(2000, 1, 1, tzinfo=UTC)},
        {"tenant_id": UUID(int=2**128 - 1), "actor_id": UUID(int=0)},
    ],
)
async def test_both_agree_on_a_header_at_its_limits(
    db: Database, change: dict[str, object]
) -> None:
    header = msgspec.structs.replace(PLAIN, **change)
    assert await leaf_in_sql(db, header) == event_leaf(header)
