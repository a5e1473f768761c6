"""A raise of the restore epoch that was told of before counts as told of after the upgrade."""

import asyncio
from collections.abc import Iterator

import pytest
from tests.conftest import Server
from tests.storage.catalog import TENANT_A, TENANT_B
from tests.storage.older import ask, database_at, run

from placet.kernel.ids import Ids
from placet.storage import migrations

# Of two raises, one was told of before it broke off; of the other a run speaks that may say so.
BEFORE = """
SET session_replication_role = replica;
INSERT INTO placet.authority_recovery (tenant_id, epoch, from_epoch, log_size, began_at)
SELECT t, e, e - 1, 0, now()
FROM unnest(ARRAY['{a}', '{b}']::uuid[]) AS t, unnest(ARRAY[2, 3]) AS e;
INSERT INTO placet.event (
    tenant_id, stream_id, seq, event_id, type, actor_id, at, epoch, fence, control_epoch,
    control_revision, prev, body_hash, leaf)
SELECT t, s.id, 1, t, 'Restored', t, now(), s.epoch, 0, 0, 0, z, z, z
FROM unnest(ARRAY['{a}', '{b}']::uuid[]) AS t,
     LATERAL (VALUES (placet.tenant_stream_v1(t, 'authority'), 2), (t, 3)) AS s (id, epoch),
     decode(repeat('00', 32), 'hex') AS z
"""
AFTER = """
SELECT tenant_id, epoch, told_seq, from_timeline, lost_ends::text AS lost_ends
FROM placet.authority_recovery ORDER BY tenant_id, epoch
"""
UNFORCED = """
SELECT relname FROM pg_class
WHERE relnamespace = 'placet'::regnamespace AND relrowsecurity AND NOT relforcerowsecurity
"""


@pytest.fixture
def old(server: Server, ids: Ids) -> Iterator[str]:
    """A database of the revision before, with two raises in each of two tenants."""
    before = BEFORE.format(a=TENANT_A, b=TENANT_B)
    with database_at(server, ids, "0037", lambda url: run(url, before)) as name:
        yield name


def test_what_was_told_of_counts_as_told_and_no_more(server: Server, old: str) -> None:
    migrations.upgrade(server.url("placet_migrator", old))
    kept = asyncio.run(ask(server.admin(old), AFTER))
    assert [tuple(row) for row in kept] == [
        (tenant, epoch, seq, None, "[]")
        for tenant in (TENANT_A, TENANT_B)
        for epoch, seq in ((2, 1), (3, None))
    ]
    assert asyncio.run(ask(server.admin(old), UNFORCED)) == []
