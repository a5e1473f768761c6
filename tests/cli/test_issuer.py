"""`placet issuer`, against a service that runs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cli.conftest import Done, Placet
from tests.server.serving import serving

from placet.cli.exits import Exit
from placet.cli.host_key import load_host_key

Ask = Callable[..., Done]
WHERE = ("--agent", "refund-desk", "--environment", "staging")


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def ask(placet: Placet, url: str, database_url: str) -> Ask:
    """Run `placet issuer …` as the admin of a fresh tenant."""
    door = {"PLACET_DATABASE_URL": database_url}
    made = placet("tenant", "create", "acme", "--json", **door)
    key = json.loads(made.stdout)["api_key"]
    return lambda *words: placet("issuer", *words, PLACET_API_KEY=key, PLACET_URL=url)


def told(done: Done) -> Any:  # noqa: ANN401 -- JSON
    assert done.returncode == Exit.OK, done.stderr
    return json.loads(done.stdout)


def test_an_issuer_gets_a_key_is_registered_listed_and_ended(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "door.key"
    made = told(ask("key", str(file), "--json"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_host_key(file).key_id == made["key_id"]
    issuer = told(ask("add", "the\x1bdoor", *WHERE, "--key", str(file), "--json"))
    assert (issuer["agent"], issuer["public_key"]) == ("refund-desk", made["public_key"])
    listed = ask("list").stdout
    assert f"the\\u001bdoor for refund-desk in staging  key {made['key_id']}" in listed
    ended = told(ask("revoke", issuer["issuer_id"], "--reason", "it moved", "--json"))
    assert ended["revoke_reason"] == "it moved"
    assert ask("list").stdout.strip() == "no issuers"
    assert "it moved" in ask("list", "--all").stdout
    assert ask("revoke", str(UUID(int=7)), "--reason", "x").returncode == Exit.NOT_FOUND


def test_an_issuer_is_registered_by_the_public_half_alone_and_once(
    ask: Ask, tmp_path: Path
) -> None:
    public = told(ask("key", str(tmp_path / "a.key"), "--json"))["public_key"]
    half = ("--public-key", public, "--json")
    assert told(ask("add", "door", *WHERE, *half))["name"] == "door"
    again = ask("add", "door", *WHERE, *half)
    assert again.returncode == Exit.USAGE
    assert json.loads(again.stderr)["error"]["reason"] == "key_taken"


@pytest.mark.parametrize("keys", [(), ("--public-key", "%"), ("--public-key", "x", "--key", "y")])
def test_an_issuer_without_one_key_that_can_be_read_is_refused(
    ask: Ask, keys: tuple[str, ...]
) -> None:
    assert ask("add", "door", *WHERE, *keys).returncode == Exit.USAGE
