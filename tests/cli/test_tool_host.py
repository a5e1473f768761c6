"""`placet tool-host`, against a service that runs."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cli.conftest import Done, Placet
from tests.server.serving import serving

from placet.authority.tool_hosts.model import Strength
from placet.cli import tool_host
from placet.cli.exits import Exit
from placet.cli.host_key import load_host_key

Ask = Callable[..., Done]
WHERE = ("--environment", "staging", "--tool", "issue_refund")


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def ask(placet: Placet, url: str, database_url: str) -> Ask:
    """Run `placet tool-host …` as the admin of a fresh tenant."""
    door = {"PLACET_DATABASE_URL": database_url}
    made = placet("tenant", "create", "acme", "--json", **door)
    key = json.loads(made.stdout)["api_key"]
    return lambda *words: placet("tool-host", *words, PLACET_API_KEY=key, PLACET_URL=url)


def told(done: Done) -> Any:  # noqa: ANN401 -- JSON
    assert done.returncode == Exit.OK, done.stderr
    return json.loads(done.stdout)


def test_a_host_gets_a_key_is_registered_listed_and_ended(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "refunds.key"
    made = told(ask("key", str(file), "--json"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_host_key(file).key_id == made["key_id"]
    host = told(ask("add", "ref\x1bunds", *WHERE, "--key", str(file), "--json"))
    assert (host["strength"], host["public_key"]) == ("verified", made["public_key"])
    listed = ask("list").stdout
    assert f"ref\\u001bunds in staging, verified  issue_refund  key {made['key_id']}" in listed
    ended = told(ask("revoke", host["host_id"], "--reason", "it moved", "--json"))
    assert ended["revoke_reason"] == "it moved"
    assert ask("list").stdout.strip() == "no tool hosts"
    assert "it moved" in ask("list", "--all").stdout
    assert ask("revoke", str(UUID(int=7)), "--reason", "x").returncode == Exit.NOT_FOUND


def test_a_host_is_registered_by_the_public_half_alone(ask: Ask, tmp_path: Path) -> None:
    public = told(ask("key", str(tmp_path / "a.key"), "--json"))["public_key"]
    proxied = ("--strength", "proxied", "--public-key", public, "--json")
    assert told(ask("add", "proxy", *WHERE, *proxied))["strength"] == "proxied"
    again = ask("add", "proxy", *WHERE, *proxied)
    assert again.returncode == Exit.USAGE
    assert json.loads(again.stderr)["error"]["reason"] == "key_taken"


def test_a_key_is_neither_overwritten_nor_taken_from_a_file_that_others_read(
    ask: Ask, tmp_path: Path
) -> None:
    file = tmp_path / "a.key"
    ask("key", str(file))
    before = file.read_bytes()
    assert ask("key", str(file)).returncode == Exit.USAGE
    assert file.read_bytes() == before
    file.chmod(0o644)
    refused = ask("add", "x", *WHERE, "--key", str(file))
    assert refused.returncode == Exit.USAGE
    assert "chmod 600" in refused.stderr


@pytest.mark.parametrize("text", ["", "ab" * 31, "zz" * 32, "\xff"])
def test_a_file_that_holds_no_key_is_refused_and_not_told(
    ask: Ask, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "a.key"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    os.write(descriptor, text.encode("latin-1"))
    os.close(descriptor)
    refused = ask("add", "x", *WHERE, "--key", str(file))
    assert refused.returncode == Exit.USAGE
    assert "holds no key" in refused.stderr
    assert not text or text not in refused.stderr


@pytest.mark.parametrize(
    "keys", [(), ("--public-key", "!"), ("--public-key", "AAAA", "--key", "a.key")]
)
def test_a_host_is_registered_with_one_key_that_is_one(ask: Ask, keys: tuple[str, ...]) -> None:
    assert ask("add", "x", *WHERE, *keys).returncode == Exit.USAGE


def test_the_words_of_the_command_are_those_of_the_service() -> None:
    assert {*tool_host.STRENGTHS} == {*Strength} - {Strength.COOPERATIVE}
