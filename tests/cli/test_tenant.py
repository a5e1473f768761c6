"""`placet tenant` and `placet key`: from an empty database to a key for everybody."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.server.serving import serving

from placet.cli.exits import Exit
from placet.tenancy.rules import parse_key

Placet = Callable[..., Any]


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def acme(placet: Placet, database_url: str) -> dict[str, Any]:
    """A fresh tenant, made by the command."""
    roles = ("--role", "admin", "--role", "viewer")
    done = placet("tenant", "create", "acme", *roles, "--json", PLACET_DATABASE_URL=database_url)
    assert done.returncode == Exit.OK, done.stderr
    created: dict[str, Any] = json.loads(done.stdout)
    return created


def test_a_tenant_comes_with_a_person_and_a_key_that_is_shown(
    placet: Placet, database_url: str
) -> None:
    done = placet("tenant", "create", "acme", PLACET_DATABASE_URL=database_url)
    assert done.returncode == Exit.OK, done.stderr
    assert parse_key(done.stdout.split()[-1]) is not None
    assert "(admin)" in done.stdout


@pytest.mark.parametrize("name", ["", "  ", "a\x00b"])
def test_a_tenant_without_a_name_is_refused(placet: Placet, database_url: str, name: str) -> None:
    done = placet("tenant", "create", name, PLACET_DATABASE_URL=database_url)
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")


def test_a_role_that_is_none_is_refused(placet: Placet) -> None:
    assert placet("tenant", "create", "acme", "--role", "king").returncode == Exit.USAGE


def test_a_key_is_issued_listed_and_revoked(placet: Placet, acme: dict[str, Any], url: str) -> None:
    admin = {"PLACET_API_KEY": acme["api_key"], "PLACET_URL": url}
    who = ("--actor", acme["admin"]["actor_id"], "--name", "second", "--scope", "read")
    issued = placet("key", "issue", *who, **admin)
    assert issued.returncode == Exit.OK, issued.stderr
    key_id = parse_key(issued.stdout.strip())
    assert key_id is not None
    listed = json.loads(placet("key", "list", "--json", **admin).stdout)
    assert {key["name"] for key in listed} == {"first key", "second"}
    revoked = placet("key", "revoke", key_id.key_id, "--json", **admin)
    assert json.loads(revoked.stdout)["revoked_at"] is not None
    assert "second  read  ended" in placet("key", "list", **admin).stdout


def test_a_runtime_key_says_for_whom_its_agent_acts(
    placet: Placet, acme: dict[str, Any], url: str
) -> None:
    admin = {"PLACET_API_KEY": acme["api_key"], "PLACET_URL": url}
    body = {"kind": "agent", "name": "desk"}
    headers = {"Authorization": f"Bearer {acme['api_key']}", "Idempotency-Key": "agent"}
    made = httpx.post(f"{url}/api/v1/tenancy/actors", json=body, headers=headers)
    assert made.status_code == 201, made.text
    who = ("--actor", made.json()["actor_id"], "--name", "k", "--scope", "runtime", "--json")
    where = ("--agent", "desk", "--environment", "staging")
    claims = [f"--claim={one}" for one in ("department=a=b", "level:=3", "senior:=true", "id=7")]
    issued = json.loads(placet("key", "issue", *who, *where, *claims, **admin).stdout)
    said = {"department": "a=b", "level": 3, "senior": True, "id": "7"}
    assert issued["key"]["claims"] == said
    for wrong in ("department", "=x", ":=3", "level:=three", "level:=1.5", "level:=null"):
        done = placet("key", "issue", *who, *where, f"--claim={wrong}", **admin)
        assert (done.returncode, done.stdout) == (Exit.USAGE, ""), wrong


def test_a_key_that_may_not_be_is_refused_with_every_reason(
    placet: Placet, acme: dict[str, Any], url: str
) -> None:
    who = ("--actor", acme["admin"]["actor_id"], "--name", "k", "--scope", "author")
    done = placet("key", "issue", *who, PLACET_API_KEY=acme["api_key"], PLACET_URL=url)
    assert done.returncode == Exit.USAGE
    assert "no role of the actor gives the scope `author`" in done.stderr


def test_an_unknown_key_is_not_found(placet: Placet, acme: dict[str, Any], url: str) -> None:
    key = {"PLACET_API_KEY": acme["api_key"], "PLACET_URL": url}
    assert placet("key", "revoke", "../actors", **key).returncode == Exit.NOT_FOUND


def test_the_admin_key_can_come_from_a_file(
    placet: Placet, acme: dict[str, Any], url: str, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text(acme["api_key"] + "\n")
    assert (
        placet("key", "list", PLACET_API_KEY_FILE=str(file), PLACET_URL=url).returncode == Exit.OK
    )
    missing = placet("key", "list", PLACET_API_KEY_FILE=str(tmp_path / "no"), PLACET_URL=url)
    assert missing.returncode == Exit.USAGE


def test_without_a_key_the_command_says_where_one_comes_from(placet: Placet, url: str) -> None:
    done = placet("key", "list", PLACET_URL=url)
    assert done.returncode == Exit.USAGE
    assert "placet tenant create" in done.stderr


def test_a_dead_key_opens_nothing(placet: Placet, url: str, acme: dict[str, Any]) -> None:
    done = placet("key", "list", PLACET_API_KEY=acme["api_key"] + "x", PLACET_URL=url)
    assert done.returncode == Exit.FAILED
    assert acme["api_key"] not in done.stderr


def test_no_service_is_told_in_one_sentence(placet: Placet) -> None:
    done = placet("key", "list", PLACET_API_KEY="x", PLACET_URL="http://127.0.0.1:1")
    assert done.returncode == Exit.INFRASTRUCTURE
    assert "placet up" in done.stderr
    assert placet("key", "list", PLACET_API_KEY="x").returncode == Exit.INFRASTRUCTURE
