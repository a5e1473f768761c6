"""`placet server-key`: another key takes over, and one that may be stolen ends."""

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.cli.conftest import Done, Placet
from tests.cli.office import Office
from tests.conftest import Server

from placet.cli.exits import Exit

_DEAF = """
    CREATE FUNCTION placet.deaf() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'nobody listens'; END $$;
    CREATE TRIGGER deaf BEFORE INSERT ON placet.authority_server_key_end_told
    FOR EACH ROW WHEN (NEW.tenant_id = '{first}') EXECUTE FUNCTION placet.deaf();
"""
_HEARING = """
    DROP TRIGGER deaf ON placet.authority_server_key_end_told; DROP FUNCTION placet.deaf();
"""


class Beside:
    """Somebody next to the service's files and its database."""

    def __init__(self, placet: Placet, folder: Path, **addresses: str) -> None:
        """Stand there."""
        self._placet = placet
        self._folder = folder
        self._addresses = addresses

    def run(self, *arguments: str, without: str = "") -> Done:
        """Run a command, without one of the addresses if wished."""
        addresses = {name: url for name, url in self._addresses.items() if name != without}
        return self._placet("server-key", *arguments, "--data-dir", str(self._folder), **addresses)

    def told(self, *arguments: str) -> Any:  # noqa: ANN401 -- any JSON
        """Run a command that must succeed, and return what it tells."""
        done = self.run(*arguments, "--json")
        assert done.returncode == Exit.OK, done.stderr
        return json.loads(done.stdout)

    def listed(self) -> dict[str, Any]:
        """Return every key by its id."""
        return {key["key_id"]: key for key in self.told("list")}


@pytest.fixture
def beside(placet: Placet, server: Server, database_name: str, tmp_path: Path) -> Beside:
    return Beside(
        placet,
        tmp_path,
        PLACET_DATABASE_URL=server.url("placet_app", database_name),
        PLACET_ADMIN_DATABASE_URL=server.url("placet_migrator", database_name),
    )


def test_another_key_lies_ready_and_is_listed(beside: Beside) -> None:
    made = beside.told("rotate", "artifact")
    assert beside.listed()[made["key_id"]]["purpose"] == "artifact"
    assert beside.told("rotate", "artifact") == made
    shown = beside.run("list")
    assert made["key_id"] in shown.stdout


def test_a_key_ends_once_for_every_tenant(
    beside: Beside, placet: Placet, database_url: str, tmp_path: Path
) -> None:
    Office(placet, "http://127.0.0.1:1", database_url, tmp_path)
    made = beside.told("rotate", "checkpoint")["key_id"]
    first = beside.told("revoke", made, "--reason", "it was copied")
    assert first["told"] >= 1
    again = beside.told("revoke", made, "--reason", "once more")
    assert (again["told"], again["told_before"]) == (0, first["told"] + first["told_before"])
    assert beside.listed()[made]["ended_at"] is not None
    assert "it was copied" in beside.run("list").stdout


def test_a_tenant_that_cannot_be_told_keeps_no_other_from_being_told(
    beside: Beside, placet: Placet, server: Server, database_name: str, tmp_path: Path
) -> None:
    url = server.url("placet_app", database_name)
    first = Office(placet, "http://127.0.0.1:1", url, tmp_path / "first").tenant
    last = Office(placet, "http://127.0.0.1:1", url, tmp_path / "last").tenant
    made = beside.told("rotate", "checkpoint")["key_id"]
    admin = server.admin(database_name)
    asyncio.run(execute(admin, _DEAF.format(first=first)))
    try:
        done = beside.run("revoke", made, "--reason", "it was copied", "--json")
    finally:
        asyncio.run(execute(admin, _HEARING))
    assert done.returncode == Exit.FAILED, done.stderr
    told = json.loads(done.stdout)
    assert list(told["not_told"]) == [str(first)]
    assert str(last) not in told["not_told"]
    again = beside.told("revoke", made, "--reason", "it was copied")
    assert (again["told"], again["not_told"]) == (1, {})


def test_a_key_that_nobody_knows_and_an_end_without_reason_are_refused(beside: Beside) -> None:
    assert beside.run("revoke", "00" * 32, "--reason", "x").returncode == Exit.NOT_FOUND
    assert beside.run("revoke", "00" * 32, "--reason", " ").returncode != Exit.OK


def test_a_key_ends_only_where_every_tenant_can_be_told(beside: Beside) -> None:
    made = beside.told("rotate", "grant")["key_id"]
    refused = beside.run(
        "revoke", made, "--reason", "it was copied", without="PLACET_ADMIN_DATABASE_URL"
    )
    assert refused.returncode != Exit.OK
    assert beside.listed()[made]["ended_at"] is None


async def execute(url: str, statements: str) -> None:
    """Change the shared database as a superuser."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
