"""The roles: who may do what in a database that `initialise` made."""

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from placet.storage import roles
from placet.storage.embedded.cluster import Cluster
from placet.storage.unusable import Refused, Unreachable, Unsuitable

DATABASE = "roles_test"
FORBIDDEN_TO_THE_APP = [
    "TRUNCATE placet.thing",
    "DELETE FROM placet.thing",
    "UPDATE placet.thing SET n = 2",
    "ALTER TABLE placet.thing ADD COLUMN m int",
    "CREATE TABLE placet.other (n int)",
    "CREATE TABLE public.other (n int)",
    "CREATE TEMPORARY TABLE other (n int)",
    "CREATE SCHEMA other",
    "SET ROLE placet_owner",
    "SET ROLE placet_migrator",
    "SET ROLE placet_auth",
    "SELECT * FROM pg_authid",
    "SET session_replication_role = replica",
]


@pytest.fixture
async def admin(own_cluster: Cluster) -> AsyncIterator["asyncpg.Connection[Any]"]:
    url = own_cluster.url("postgres", "postgres")
    await roles.initialise(url, {}, DATABASE)
    connection = await asyncpg.connect(roles.in_database(url, DATABASE))
    await connection.execute("SET ROLE placet_owner")
    await connection.execute(
        "CREATE TABLE placet.thing (n int);"
        "CREATE FUNCTION placet.answer() RETURNS int LANGUAGE sql AS 'SELECT 42'"
    )
    await connection.execute("RESET ROLE")
    yield connection
    await connection.close()
    async with roles.connected(url) as outside:
        await outside.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
async def app(
    admin: "asyncpg.Connection[Any]", own_cluster: Cluster
) -> AsyncIterator["asyncpg.Connection[Any]"]:
    del admin
    connection = await asyncpg.connect(own_cluster.url("placet_app", DATABASE))
    yield connection
    await connection.close()


async def test_the_app_reads_appends_and_calls_and_no_more(
    app: "asyncpg.Connection[Any]",
) -> None:
    await app.execute("INSERT INTO placet.thing VALUES (1)")
    assert await app.fetchval("SELECT n FROM placet.thing") == 1
    assert await app.fetchval("SELECT placet.answer()") == 42
    for statement in FORBIDDEN_TO_THE_APP:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)


async def test_the_app_waits_for_nothing_for_long_and_a_reset_keeps_it_so(
    app: "asyncpg.Connection[Any]",
) -> None:
    await app.execute("SET statement_timeout = 0; SET lock_timeout = 0; RESET ALL")
    wanted = {
        "statement_timeout": "5s",
        "lock_timeout": "1s",
        "idle_in_transaction_session_timeout": "2s",
        "default_transaction_isolation": "read committed",
    }
    found = {name: await app.fetchval(f"SHOW {name}") for name in wanted}
    assert found == wanted


async def test_a_function_is_called_by_nobody_to_whom_it_was_not_granted(
    admin: "asyncpg.Connection[Any]", own_cluster: Cluster
) -> None:
    del admin
    auditor = await asyncpg.connect(own_cluster.url("placet_auditor", DATABASE))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await auditor.fetchval("SELECT placet.answer()")
    assert await auditor.fetch("SELECT * FROM placet.thing") == []
    with pytest.raises(asyncpg.PostgresError):
        await auditor.execute(
            "SET default_transaction_read_only = off; INSERT INTO placet.thing VALUES (1)"
        )
    await auditor.close()


async def test_forced_tenancy_hides_rows_from_the_owner_and_not_from_migrator_and_backup(
    admin: "asyncpg.Connection[Any]", own_cluster: Cluster
) -> None:
    await admin.execute(
        "INSERT INTO placet.thing VALUES (1);"
        "ALTER TABLE placet.thing ENABLE ROW LEVEL SECURITY;"
        "ALTER TABLE placet.thing FORCE ROW LEVEL SECURITY"
    )
    migrator = await asyncpg.connect(own_cluster.url("placet_migrator", DATABASE))
    assert await migrator.execute("UPDATE placet.thing SET n = 2") == "UPDATE 1"
    await migrator.execute("SET ROLE placet_owner")
    assert await migrator.execute("UPDATE placet.thing SET n = 3") == "UPDATE 0"
    await migrator.close()
    backup = await asyncpg.connect(own_cluster.url("placet_backup", DATABASE))
    assert await backup.fetchval("SELECT n FROM placet.thing") == 2
    with pytest.raises(asyncpg.PostgresError):
        await backup.execute("DELETE FROM placet.thing")
    await backup.close()


async def test_the_migrator_does_nothing_of_the_owners_before_it_becomes_the_owner(
    admin: "asyncpg.Connection[Any]", own_cluster: Cluster
) -> None:
    del admin
    migrator = await asyncpg.connect(own_cluster.url("placet_migrator", DATABASE))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await migrator.execute("ALTER TABLE placet.thing ADD COLUMN m int")
    await migrator.execute("SET ROLE placet_owner; ALTER TABLE placet.thing ADD COLUMN m int")
    await migrator.execute("GRANT CREATE ON SCHEMA placet TO placet_auth")
    await migrator.execute("ALTER FUNCTION placet.answer() OWNER TO placet_auth")
    await migrator.close()


async def test_a_second_run_keeps_passwords_and_mends_what_is_wrong(
    admin: "asyncpg.Connection[Any]", own_cluster: Cluster
) -> None:
    await admin.execute("ALTER ROLE placet_app SUPERUSER BYPASSRLS INHERIT CREATEROLE")
    await admin.execute("ALTER ROLE placet_app RESET lock_timeout")
    again = await roles.initialise(own_cluster.url("postgres", "postgres"), {}, DATABASE)
    assert (again.new_roles, again.new_database) == ((), False)
    app = await asyncpg.connect(own_cluster.url("placet_app", DATABASE))
    row = await app.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolinherit, rolcreaterole FROM pg_roles"
        " WHERE rolname = current_user"
    )
    assert row is not None
    assert not any(row.values())
    assert await app.fetchval("SHOW lock_timeout") == "1s"
    await app.close()


async def test_passwords_that_are_given_are_set_and_never_sent_in_clear(
    admin: "asyncpg.Connection[Any]", own_cluster: Cluster
) -> None:
    url = own_cluster.url("postgres", "postgres")
    before = urlsplit(own_cluster.url("placet_auditor")).password or ""
    await admin.execute("ALTER SYSTEM SET log_statement = 'all'")
    await admin.fetchval("SELECT pg_reload_conf()")
    await roles.initialise(url, {"placet_auditor": "a-canary-of-a-password"}, DATABASE)
    new = roles.url_for(url, "placet_auditor", "a-canary-of-a-password", DATABASE)
    await roles.try_to_connect(new)
    await roles.initialise(url, {"placet_auditor": before}, DATABASE)
    await admin.execute("ALTER SYSTEM RESET log_statement")
    await admin.fetchval("SELECT pg_reload_conf()")
    log = own_cluster.log.read_text()
    assert "ALTER ROLE placet_auditor PASSWORD" in log
    assert "canary" not in log


async def test_two_who_make_roles_at_once_both_succeed(own_cluster: Cluster) -> None:
    url = own_cluster.url("postgres", "postgres")
    done = await asyncio.gather(*(roles.initialise(url, {}, DATABASE) for _ in range(4)))
    assert sorted(one.new_database for one in done) == [False, False, False, True]
    async with roles.connected(url) as admin:
        await admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


async def test_an_admin_who_may_not_make_roles_is_refused(own_cluster: Cluster) -> None:
    with pytest.raises(Refused, match="may not") as told:
        await roles.initialise(own_cluster.url("placet_app"), {}, DATABASE)
    assert "superuser" in told.value.remedy


async def test_a_wrong_password_a_silent_port_and_an_unknown_database_are_told_apart(
    own_cluster: Cluster,
) -> None:
    url = own_cluster.url("postgres")
    with pytest.raises(Refused):
        await roles.try_to_connect(url.replace("postgres:", "postgres:x", 1).replace("x//", "//"))
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        await roles.try_to_connect("postgresql://placet_app:secret@127.0.0.1:1/placet")
    with pytest.raises(Unsuitable, match="no such database"):
        await roles.try_to_connect(roles.in_database(url, "nowhere"))


def test_addresses_keep_their_options_and_hide_nothing_in_them() -> None:
    url = "postgresql://admin:p%40ss@db.example:5433/postgres?sslmode=require&user=admin"
    assert roles.url_for(url, "placet_app", "a/b", "placet") == (
        "postgresql://placet_app:a%2Fb@db.example:5433/placet?sslmode=require"
    )
    local = "postgresql:///postgres?host=/var/run/postgresql"
    assert roles.in_database(local, "x") == "postgresql:///x?host=/var/run/postgresql"
    assert roles.place_of(url) == "db.example:5433"


def test_a_verifier_is_the_one_of_rfc_7677() -> None:
    # RFC 7677 §3: user, pencil, salt W22ZaJ0SNY7soEsUEjb6gQ==, 4096 iterations.
    made = roles.scram("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert made == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
