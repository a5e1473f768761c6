"""A session that was open before facts stood in rows goes on after the upgrade."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest
from alembic import command
from tests.conftest import PASSWORDS, Server
from tests.storage.catalog import TENANT_A, TENANT_B, row_for

from placet.kernel.ids import Ids
from placet.replay.calls.memory import known_from
from placet.replay.sessions.rules import encode_state
from placet.storage import migrations
from placet.storage.roles import initialise

SESSION = UUID(int=1)
COMMITTED, GRANTED = UUID(int=2), UUID(int=3)
STATE = (
    '{"committed":{"lookup":[{"arguments":{"$.id":"\\"ä\\""},"call_id":"%s","output":null}]},'
    '"counted":{"lookup":1,"pay":1},"phase":"verified"}'
)
ENDED_STATE = '{"committed":{},"counted":{},"phase":"verified"}'
CALLS = {
    COMMITTED: ("lookup", "settled", "succeeded", "committed"),
    GRANTED: ("pay", "granted", "not_started", "awaiting_evidence"),
    UUID(int=4): ("pay", "settled", "failed", "refused"),
}


@pytest.fixture
def old(server: Server, ids: Ids) -> Iterator[str]:
    """A database from before, with an open session of one tenant and an ended one of another."""
    name = f"placet_old_{ids.new().hex[-8:]}"
    asyncio.run(initialise(server.admin_url, PASSWORDS, database=name))
    command.upgrade(migrations.config(server.url("placet_migrator", name)), "0015")
    asyncio.run(_fill(server.admin(name)))
    yield name
    asyncio.run(server.run(f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    rows = await connection.fetch(
        "SELECT conrelid::regclass::text AS relation, conname FROM pg_constraint"
        " WHERE contype = 'c' AND conrelid::regclass::text"
        " IN ('placet.replay_session', 'placet.replay_pending_call')"
        " AND conname <> 'replay_pending_call_legal_triple'"
    )
    for row in rows:
        await connection.execute(f"ALTER TABLE {row['relation']} DROP CONSTRAINT {row['conname']}")
    for tenant, state, status in (
        (TENANT_A, STATE % COMMITTED, "active"),
        (TENANT_B, ENDED_STATE, "completed"),
    ):
        await _write(
            connection,
            "replay_session",
            tenant,
            {"session_id": SESSION, "state": state.encode(), "status": status}
            | {"current_phase": "verified"},
        )
    for place, (call_id, (tool, status, execution, commit)) in enumerate(CALLS.items()):
        await _write(
            connection,
            "replay_pending_call",
            TENANT_A,
            {"session_id": SESSION, "call_id": call_id, "ordinal": place, "tool_name": tool}
            | {"status": status, "execution_state": execution, "commit_state": commit}
            | {"arguments": b"{}"},
        )
    await connection.close()


async def _write(
    connection: "asyncpg.Connection[Any]", table: str, tenant: UUID, told: dict[str, object]
) -> None:
    await connection.execute(f"CREATE TEMP TABLE made AS TABLE placet.{table} WITH NO DATA")
    await connection.execute(
        (await row_for(connection, table, tenant)).replace(f"INTO placet.{table} ", "INTO made ")
    )
    for name, value in told.items():
        await connection.execute(f"UPDATE made SET {name} = $1", value)  # noqa: S608 -- names of ours
    await connection.execute(f"INSERT INTO placet.{table} TABLE made")
    await connection.execute("DROP TABLE made")


async def _ask(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    rows: list[asyncpg.Record] = await connection.fetch(query)
    await connection.close()
    return rows


def test_what_calls_hold_and_what_commits_left_is_found_after_the_upgrade(
    server: Server, old: str
) -> None:
    migrations.upgrade(server.url("placet_migrator", old))
    url = server.admin(old)
    session, ended = asyncio.run(
        _ask(url, "SELECT state FROM placet.replay_session ORDER BY tenant_id")
    )
    state = msgspec.json.decode(session["state"])
    assert state == {
        "phase": "verified",
        "counted": {"lookup": 1, "pay": 1},
        "commits": 1,
        "remembered": {"lookup": 1},
        "steps": 1,
    }
    assert bytes(ended["state"]) == ENDED_STATE.encode()
    calls = asyncio.run(
        _ask(
            url,
            "SELECT counts, phase_at_grant FROM placet.replay_pending_call ORDER BY call_id",
        )
    )
    assert [tuple(call) for call in calls] == [(True, "verified")] * 2 + [(False, None)]
    [unforced] = asyncio.run(
        _ask(
            url,
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'placet'::regnamespace"
            " AND relrowsecurity AND NOT relforcerowsecurity",
        )
    )
    assert unforced["count"] == 0
    query = (
        "UPDATE placet.replay_session SET environment = 'staging', mode = 'enforce'"
        " WHERE status = 'active' RETURNING state,"
        " placet.session_facts_v1(replay_session)::text AS facts"
    )
    [row] = asyncio.run(_ask(url, query))
    known = known_from(row["facts"], None)
    assert encode_state(known.state) == bytes(row["state"])
    [memory] = known.left.committed["lookup"]
    assert (memory.call_id, memory.arguments) == (COMMITTED, {"$.id": "ä"})
