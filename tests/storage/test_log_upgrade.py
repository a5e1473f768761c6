"""A database from before there was a log gives it all that it holds."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import Server
from tests.storage.catalog import TENANT_A, TENANT_B, row_for
from tests.storage.older import database_at, found

from placet.kernel.ids import Ids
from placet.storage import migrations

SESSION = UUID(int=1)
OLD = ("tenancy_tenant", "event", "event_log_pending", "replay_session_seal")


@pytest.fixture
def old(server: Server, ids: Ids) -> Iterator[str]:
    """A database from before, with an event and an ended session of each of two tenants."""
    with database_at(server, ids, "0029", fill) as name:
        yield name


async def fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("ALTER TABLE placet.event DISABLE TRIGGER event_follows")
    status = "replay_session_seal_status_known"
    await connection.execute(f"ALTER TABLE placet.replay_session_seal DROP CONSTRAINT {status}")
    for tenant in (TENANT_A, TENANT_B):
        for table in OLD:
            await connection.execute(await row_for(connection, table, tenant))
    await connection.close()


def test_past_events_and_ends_of_sessions_wait_for_the_log_of_their_tenant(
    server: Server, old: str
) -> None:
    migrations.upgrade(server.url("placet_migrator", old))
    admin, both = server.admin(old), [(TENANT_A,), (TENANT_B,)]
    for query in (
        "SELECT tenant_id FROM placet.event_log_pending ORDER BY 1",
        (
            "SELECT tenant_id FROM placet.work_due WHERE kind = 'log_events' AND ref = tenant_id"
            " AND due_at <= now() ORDER BY 1"
        ),
        (
            "SELECT tenant_id FROM placet.event_seal_pending AS p"
            " WHERE kind = 'session' AND EXISTS (SELECT FROM placet.replay_session_seal AS s"
            " WHERE s.tenant_id = p.tenant_id AND s.session_id = p.stream_id"
            " AND s.last_seq = p.last_seq AND s.head = p.last_leaf AND s.status = p.status)"
            " ORDER BY tenant_id"
        ),
    ):
        assert asyncio.run(found(admin, query)) == both, query
    forced = "SELECT relname FROM pg_class WHERE relnamespace = 'placet'::regnamespace"
    forced += " AND relrowsecurity AND NOT relforcerowsecurity"
    assert asyncio.run(found(admin, forced)) == []
