"""A database from before knows what closed, and which streams answers and previews name."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from tests.conftest import Server
from tests.storage.catalog import ANYTHING, TENANT_A, TENANT_B, row_for
from tests.storage.older import database_at, found

from placet.kernel.ids import Ids
from placet.storage import migrations

SESSION = ANYTHING["uuid"].split("'")[1]
EVERYWHERE = ("replay_session", "replay_session_seal", "idempotency_answer", "studio_impact")


@pytest.fixture
def old(server: Server, ids: Ids) -> Iterator[str]:
    """A database from before: of two tenants, one whose ended session has a body still."""
    with database_at(server, ids, "0037", fill) as name:
        yield name


async def fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    checks = await connection.fetch(
        "SELECT conrelid::regclass::text AS relation, conname FROM pg_constraint"
        " WHERE contype = 'c' AND conrelid::regclass::text = ANY ($1)",
        [f"placet.{table}" for table in EVERYWHERE],
    )
    for row in checks:
        await connection.execute(
            f'ALTER TABLE {row["relation"]} DROP CONSTRAINT "{row["conname"]}"'
        )
    for tenant in (TENANT_A, TENANT_B):
        for table in EVERYWHERE:
            await connection.execute(await row_for(connection, table, tenant))
    await connection.execute(await row_for(connection, "event_body", TENANT_A))
    told = f"of {SESSION} and 01234567-89ab-cdef-0123-456789abcdef".encode()
    await connection.execute("ALTER TABLE placet.studio_impact DISABLE TRIGGER append_only")
    for table, column in (("idempotency_answer", "body"), ("studio_impact", "report_json")):
        await connection.execute(f"UPDATE placet.{table} SET {column} = $1", told)  # noqa: S608 -- named here
    await connection.execute("ALTER TABLE placet.studio_impact ENABLE ALWAYS TRIGGER append_only")
    await connection.close()


def test_what_closed_and_what_names_a_session_is_noted_for_each_tenant(
    server: Server, old: str
) -> None:
    migrations.upgrade(server.url("placet_migrator", old))
    admin = server.admin(old)
    each = [(TENANT_A, SESSION), (TENANT_B, SESSION)]
    for query, rows in {
        "SELECT tenant_id, stream_class FROM placet.audit_closed": [(TENANT_A, "session")],
        "SELECT tenant_id, streams FROM placet.audit_pruned": [(TENANT_B, 1)],
        "SELECT tenant_id, stream_id::text FROM placet.idempotency_stream ORDER BY 1": each,
        "SELECT tenant_id, session_id::text FROM placet.studio_impact_session ORDER BY 1": each,
        (
            "SELECT tenant_id FROM placet.work_due WHERE kind = 'sweep_answers'"
            " AND ref = tenant_id AND due_at <= now() ORDER BY 1"
        ): [(TENANT_A,), (TENANT_B,)],
    }.items():
        assert asyncio.run(found(admin, query)) == rows, query
    forced = "SELECT relname FROM pg_class WHERE relnamespace = 'placet'::regnamespace"
    forced += " AND relrowsecurity AND NOT relforcerowsecurity"
    assert asyncio.run(found(admin, forced)) == []
