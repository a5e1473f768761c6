"""`placet server-key`: another key takes over, and one that may be stolen ends."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.authority.commanded import Signer
from tests.cli.conftest import Done, Placet
from tests.cli.office import Office
from tests.conftest import Server

from placet.authority import key_files
from placet.authority.key_slots import current_file, ready_file
from placet.authority.model import KeyPurpose
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

    def run(self, *arguments: str, without: str = "", **variables: str) -> Done:
        """Run a command, without one of the addresses if wished, and with more variables."""
        return self.placet("server-key", *arguments, without=without, **variables)

    def placet(self, *arguments: str, without: str = "", **variables: str) -> Done:
        """Run any command."""
        given = {name: url for name, url in self._addresses.items() if name != without} | variables
        return self._placet(*arguments, "--data-dir", str(self._folder), **given)

    def told(self, *arguments: str, **variables: str) -> Any:  # noqa: ANN401 -- any JSON
        """Run a command that must succeed, and return what it tells."""
        done = self.run(*arguments, "--json", **variables)
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
    (line,) = [one for one in beside.run("list").stdout.splitlines() if made["key_id"] in one]
    begin = datetime.fromisoformat(made["takes_over_at"])
    assert line.endswith(f", signs from {begin:%Y-%m-%d %H:%M} on")
    told = {
        name: datetime.fromisoformat(at)
        for name, at in beside.listed()[made["key_id"]].items()
        if name in {"created_at", "signs_from"}
    }
    assert begin == told["signs_from"] == told["created_at"] + timedelta(hours=1)


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


def test_nobody_is_told_on_a_database_that_is_not_what_was_witnessed(
    beside: Beside, placet: Placet, database_url: str, tmp_path: Path
) -> None:
    one = Office(placet, "http://127.0.0.1:1", database_url, tmp_path / "one").tenant
    made = beside.told("rotate", "checkpoint")["key_id"]
    away = {"PLACET_WITNESS_DIR": str(tmp_path / "away")}
    done = beside.run("revoke", made, "--reason", "it was copied", **away)
    assert done.returncode != Exit.OK
    assert "Keep a witness of the log" in done.stderr
    assert "restore" not in done.stderr
    assert beside.listed()[made]["ended_at"] is not None
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / f"{one}.jsonl").write_text("no\n")
    some = beside.run("revoke", made, "--reason", "it was copied", "--json", **away)
    told = json.loads(some.stdout)
    assert (list(told["not_told"]), told["told_before"]) == ([str(one)], 0)
    rest = beside.told("revoke", made, "--reason", "it was copied")
    assert (rest["told"], rest["told_before"], rest["not_told"]) == (1, told["told"], {})


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


def test_a_command_takes_over_and_is_left_for_a_file_when_somebody_says_so(
    beside: Beside, tmp_path: Path
) -> None:
    signer = Signer(tmp_path)
    named = {"PLACET_ARTIFACT_KEY_COMMAND": signer.text}
    beside.told("rotate", "grant")
    made = beside.told("rotate", "artifact", **named)
    assert made["key_id"] == signer.key.key_id
    shown = beside.placet("doctor", **named).stdout
    assert "ok    artifact key: a file has it until what PLACET_ARTIFACT_KEY_COMMAND names" in shown
    assert f"ok    next artifact key: `{signer.command[0]}` signs with {made['key_id']}" in shown
    early = beside.run("rotate", "artifact", "--file", **named)
    assert early.returncode == Exit.INFRASTRUCTURE
    assert f"`placet server-key revoke {made['key_id']}" in early.stderr
    assert beside.listed()[signer.key.key_id]["purpose"] == "artifact"
    key_files.take_over(
        ready_file(tmp_path / "keys", KeyPurpose.ARTIFACT),
        current_file(tmp_path / "keys", KeyPurpose.ARTIFACT),
    )
    again = beside.run("rotate", "artifact", **named)
    assert again.returncode == Exit.INFRASTRUCTURE
    assert "signs already, or did" in again.stderr
    unset = beside.run("rotate", "artifact")
    assert unset.returncode == Exit.INFRASTRUCTURE
    assert "--file" in unset.stderr
    assert beside.told("rotate", "artifact", "--file", **named)["key_id"] != signer.key.key_id


def test_doctor_and_a_start_tell_in_plain_words_that_a_command_does_not_sign(
    beside: Beside, tmp_path: Path
) -> None:
    signer = Signer(tmp_path)
    named = {"PLACET_CHECKPOINT_KEY_COMMAND": signer.text}
    shown = beside.placet("doctor", **named)
    assert shown.returncode == Exit.OK, shown.stdout
    assert f"`{signer.command[0]}` signs with {signer.key.key_id}" in shown.stdout
    beside.told("rotate", "artifact", **named)
    signer.break_()
    for command in ("doctor", "up"):
        done = beside.placet(command, without="PLACET_ADMIN_DATABASE_URL", **named)
        said = done.stdout + done.stderr
        assert done.returncode == (Exit.FAILED if command == "doctor" else Exit.INFRASTRUCTURE)
        assert f"the command `{signer.command[0]}` ended with exit code 1" in said
        assert "run it by hand" in said


@pytest.mark.parametrize(
    "text", ["kms-sign", "./kms-sign", "'/usr/bin/kms", "   ", "~/bin/kms-sign"]
)
def test_a_command_that_is_no_path_is_refused_where_it_is_set(beside: Beside, text: str) -> None:
    done = beside.run("list", PLACET_ARTIFACT_KEY_COMMAND=text)
    assert done.returncode == Exit.USAGE
    assert "PLACET_ARTIFACT_KEY_COMMAND" in done.stderr


async def execute(url: str, statements: str) -> None:
    """Change the shared database as a superuser."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
