"""The start-up checks: each can fail, says why, and what to do."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from placet.storage import roles
from placet.storage.checks import Facts, Status, judge, read_facts
from placet.storage.embedded.cluster import Cluster
from placet.storage.epoch import EpochSeen

HEAD = "0002"
SOUND = Facts(
    version="18.4",
    major=18,
    encoding="UTF8",
    fsync=True,
    full_page_writes=True,
    synchronous_commit="on",
    checksums=True,
    read_only=False,
    connections_max=200,
    statement_timeout_ms=5000,
    lock_timeout_ms=1000,
    idle_timeout_ms=2000,
    role="placet_app",
    is_superuser=False,
    bypasses_rls=False,
    owns=[],
    member_of=[],
    may_create=[],
    schema_present=True,
    revision=HEAD,
    open_tables=[],
    epoch=EpochSeen(
        epoch=3,
        system_identifier="7710",
        timeline=2,
        raised_at=datetime(2026, 1, 1, tzinfo=UTC),
        here_system_identifier="7710",
        here_timeline=2,
    ),
)


def other(**here: object) -> dict[str, Any]:
    """Return the epoch of another server than this one."""
    assert SOUND.epoch is not None
    return {"epoch": msgspec.structs.replace(SOUND.epoch, **here)}


def test_nothing_is_said_against_a_sound_database() -> None:
    assert {check.status for check in judge(SOUND, HEAD)} == {Status.OK}
    assert {check.remedy for check in judge(SOUND, HEAD)} == {""}


@pytest.mark.parametrize(
    ("wrong", "name", "status", "remedy"),
    [
        ({"major": 14, "version": "14.9"}, "version", Status.FAIL, "newer Postgres"),
        ({"major": 19, "version": "19.0"}, "version", Status.WARN, "newer Placet"),
        ({"encoding": "SQL_ASCII"}, "encoding", Status.FAIL, "UTF-8"),
        ({"fsync": False}, "durability", Status.FAIL, "fsync"),
        ({"full_page_writes": False}, "durability", Status.FAIL, "full_page_writes"),
        ({"synchronous_commit": "off"}, "durability", Status.FAIL, "synchronous_commit"),
        ({"checksums": False}, "checksums", Status.WARN, "pg_checksums"),
        ({"read_only": True}, "writable", Status.FAIL, "primary"),
        (other(here_timeline=3), "restore epoch", Status.WARN, "placet restore --verify"),
        (other(here_timeline=None), "restore epoch", Status.WARN, "placet restore --verify"),
        (
            other(here_system_identifier="7711"),
            "restore epoch",
            Status.WARN,
            "placet restore --verify",
        ),
        ({"connections_max": 20}, "connections", Status.WARN, "max_connections"),
        ({"is_superuser": True}, "app role", Status.FAIL, "placet db init"),
        ({"bypasses_rls": True}, "app role", Status.FAIL, "placet db init"),
        ({"owns": ["database placet"]}, "app role", Status.FAIL, "placet db init"),
        ({"member_of": ["placet_owner"]}, "app role", Status.FAIL, "placet db init"),
        ({"may_create": ["schema placet"]}, "app role", Status.FAIL, "placet db init"),
        ({"statement_timeout_ms": 0}, "time-outs", Status.WARN, "placet db init"),
        ({"lock_timeout_ms": 0}, "time-outs", Status.WARN, "placet db init"),
        ({"idle_timeout_ms": 0}, "time-outs", Status.WARN, "placet db init"),
        ({"schema_present": False}, "schema", Status.FAIL, "placet db init"),
        ({"revision": None}, "schema", Status.FAIL, "placet migrate"),
        ({"revision": "0001"}, "schema", Status.FAIL, "placet migrate"),
        ({"open_tables": ["studio_draft"]}, "row-level security", Status.FAIL, "placet migrate"),
    ],
)
def test_one_wrong_fact_is_one_finding_with_a_remedy(
    wrong: dict[str, Any], name: str, status: Status, remedy: str
) -> None:
    found = [c for c in judge(msgspec.structs.replace(SOUND, **wrong), HEAD) if c.remedy]
    assert [(check.name, check.status) for check in found] == [(name, status)]
    assert remedy in found[0].remedy


async def _facts(url: str) -> Facts:
    async with roles.connected(url) as connection:
        return await read_facts(connection)


async def test_the_embedded_server_says_of_itself_that_it_is_sound(own_cluster: Cluster) -> None:
    facts = await _facts(own_cluster.url("placet_app"))
    assert facts.version.startswith(str(facts.major))
    ignored = {"version": SOUND.version, "major": SOUND.major, "revision": HEAD}
    # Before the first migration there is no epoch.
    without = msgspec.structs.replace(SOUND, epoch=None)
    assert msgspec.structs.replace(facts, **ignored) == without


async def test_a_superuser_is_seen_as_one_who_owns_and_bypasses(own_cluster: Cluster) -> None:
    facts = await _facts(own_cluster.url("postgres"))
    assert facts.is_superuser
    assert facts.bypasses_rls


async def test_a_role_that_can_become_the_owner_is_seen(own_cluster: Cluster) -> None:
    facts = await _facts(own_cluster.url("placet_migrator"))
    assert facts.bypasses_rls
    assert facts.member_of == ["placet_owner"]


async def test_what_a_careless_operator_did_is_seen(own_cluster: Cluster) -> None:
    admin_url = own_cluster.url("postgres", "postgres")
    await roles.initialise(admin_url, {}, "checks_test")
    async with roles.connected(admin_url, "checks_test") as admin:
        await admin.execute(
            "GRANT CREATE ON SCHEMA placet TO placet_app;"
            "GRANT TEMPORARY ON DATABASE checks_test TO placet_app;"
            "CREATE TABLE placet.open (tenant_id uuid); GRANT SELECT ON placet.open TO placet_app;"
            "CREATE TABLE placet.half (tenant_id uuid); GRANT SELECT ON placet.half TO placet_app;"
            "ALTER TABLE placet.half ENABLE ROW LEVEL SECURITY;"
            "CREATE TABLE placet.hidden (tenant_id uuid);"
            "CREATE TABLE placet.nobodys (n int); GRANT SELECT ON placet.nobodys TO placet_app;"
            "CREATE TABLE placet.own (n int); ALTER TABLE placet.own OWNER TO placet_app"
        )
        facts = await _facts(own_cluster.url("placet_app", "checks_test"))
        await admin.execute("DROP SCHEMA placet CASCADE")
        gone = await _facts(own_cluster.url("placet_app", "checks_test"))
    assert facts.may_create == ["schema placet", "the database"]
    assert facts.open_tables == ["half", "open"]
    assert facts.owns == ["relation own"]
    assert not gone.schema_present
    async with roles.connected(admin_url) as admin:
        await admin.execute("DROP DATABASE checks_test WITH (FORCE)")


async def test_settings_that_lose_commits_are_seen(own_cluster: Cluster) -> None:
    app = await asyncpg.connect(own_cluster.url("placet_app"))
    await app.execute("SET synchronous_commit = off; SET default_transaction_read_only = on")
    facts = await read_facts(app)
    await app.close()
    assert facts.synchronous_commit == "off"
    assert facts.read_only
