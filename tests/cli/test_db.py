"""A Postgres of the operator's own: `db init`, `migrate`, `doctor`, `psql`."""

import asyncio
import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from placet.cli.exits import Exit
from placet.storage import roles
from placet.storage.embedded.cluster import Cluster, ensure, runs
from placet.storage.migrations import head

Placet = Callable[..., Any]


@pytest.fixture
def bare(foreign: Cluster) -> Iterator[str]:
    """An admin's address of a server on which database `own` was never made."""
    yield foreign.url("postgres", "postgres")

    async def restore() -> None:
        url = foreign.url("postgres", "postgres")
        async with roles.connected(url) as admin:
            await admin.execute("DROP DATABASE IF EXISTS own WITH (FORCE)")
        words = {role: urlsplit(foreign.url(role)).password or "" for role in roles.LOGINS}
        await roles.initialise(url, words)

    asyncio.run(restore())


def _variables(printed: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in shlex.split(printed, comments=True))


def test_init_prints_addresses_with_which_the_service_runs(placet: Placet, bare: str) -> None:
    init = placet("db", "init", "--admin-url", bare, "--database", "own", "--new-passwords")
    assert init.returncode == Exit.OK, init.stderr
    variables = _variables(init.stdout)
    assert set(variables) == {"PLACET_DATABASE_URL", "PLACET_ADMIN_DATABASE_URL"}
    doctor = placet("doctor", "--json", **variables)
    assert doctor.returncode == Exit.OK, doctor.stdout
    assert {check["status"] for check in json.loads(doctor.stdout)} <= {"ok", "warn"}
    migrated = placet("migrate", "--json", **variables)
    assert json.loads(migrated.stdout) == {"revision": head()}
    again = placet("db", "init", "--database", "own", PLACET_ADMIN_DATABASE_URL=bare)
    assert again.returncode == Exit.OK, again.stderr
    assert _variables(again.stdout) == {}
    assert "--new-passwords" in again.stderr
    assert placet("doctor", **variables).returncode == Exit.OK


def test_init_without_an_admin_says_how_to_name_one(placet: Placet) -> None:
    done = placet("db", "init")
    assert done.returncode == Exit.USAGE
    assert "--admin-url" in done.stderr


def test_init_as_an_ordinary_role_asks_for_a_superuser(placet: Placet, foreign: Cluster) -> None:
    done = placet("db", "init", "--admin-url", foreign.url("placet_app"))
    assert done.returncode == Exit.INFRASTRUCTURE
    assert "superuser" in done.stderr


def test_migrate_without_the_migrator_says_what_to_set(placet: Placet, foreign: Cluster) -> None:
    done = placet("migrate", PLACET_DATABASE_URL=foreign.url("placet_app"))
    assert done.returncode == Exit.USAGE
    assert "PLACET_ADMIN_DATABASE_URL" in done.stderr


def test_migrate_of_the_embedded_postgres_stops_it_again(placet: Placet, folder: Path) -> None:
    assert json.loads(placet("migrate", "--json").stdout) == {"revision": head()}
    assert not runs(folder)


def test_doctor_finds_nothing_wrong_with_an_empty_folder_and_makes_nothing(
    placet: Placet, folder: Path
) -> None:
    done = placet("doctor", "--json")
    assert done.returncode == Exit.OK, done.stdout
    assert list(folder.iterdir()) == []


def test_doctor_fails_with_a_remedy_for_each_thing_that_is_wrong(
    placet: Placet, foreign: Cluster
) -> None:
    done = placet("doctor", "--json", PLACET_DATABASE_URL=foreign.url("postgres"))
    assert done.returncode == Exit.FAILED
    failed = {c["name"]: c["remedy"] for c in json.loads(done.stdout) if c["status"] == "fail"}
    assert "placet db init" in failed["app role"]
    assert all(failed.values())


def test_psql_reads_and_changes_nothing_unless_told_to(placet: Placet, folder: Path) -> None:
    ensure(folder).close()
    who = placet("psql", "--", "-Atc", "SELECT current_user")
    assert who.stdout == "placet_backup\n"
    refused = placet("psql", "--", "-c", "CREATE TABLE x (n int)")
    assert refused.returncode == 1
    assert "read-only" in refused.stderr
    other = placet("psql", "--as", "app", "--", "-Atc", "SELECT current_user")
    assert other.stdout == "placet_app\n"
    assert not runs(folder)


def test_psql_of_an_own_postgres_is_the_apps(placet: Placet, foreign: Cluster) -> None:
    url = foreign.url("placet_app")
    done = placet("psql", "--", "-Atc", "SELECT current_user", PLACET_DATABASE_URL=url)
    assert done.stdout == "placet_app\n"
    refused = placet("psql", "--as", "migrator", PLACET_DATABASE_URL=url)
    assert refused.returncode == Exit.USAGE
