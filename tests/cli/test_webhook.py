"""`placet webhook`, against a service that runs."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from tests.cli.conftest import Done, Placet
from tests.server.serving import serving

from placet.cli import webhook
from placet.cli.exits import Exit
from placet.webhooks.deliveries.model import DeliveryStatus
from placet.webhooks.endpoints.model import WebhookType

URL = "https://hooks.example.com/placet"
Ask = Callable[..., Done]


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def ask(placet: Placet, url: str, database_url: str) -> Ask:
    """Run `placet webhook …` as the admin of a fresh tenant."""
    door = {"PLACET_DATABASE_URL": database_url}
    made = placet("tenant", "create", "acme", "--json", **door)
    key = json.loads(made.stdout)["api_key"]
    return lambda *words: placet("webhook", *words, PLACET_API_KEY=key, PLACET_URL=url)


def told(done: Done) -> Any:  # noqa: ANN401 -- JSON
    assert done.returncode == Exit.OK, done.stderr
    return json.loads(done.stdout)


def test_an_endpoint_is_named_rotated_disabled_and_removed_from_the_terminal(ask: Ask) -> None:
    made = told(ask("add", URL, "--name", "desk", "--event", "ControlSet", "--json"))
    which = made["endpoint"]["endpoint_id"]
    rotated = told(ask("rotate", which, "--overlap", "60", "--json"))
    assert made["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
    listed = ask("list")
    assert listed.stdout.split() == [which, "active", "desk", URL, "ControlSet"]
    assert told(ask("disable", which, "--reason", "x", "--json"))["status"] == "disabled"
    assert told(ask("enable", which, "--reason", "x", "--json"))["status"] == "active"
    assert told(ask("deliveries", which, "--status", "dead", "--json")) == []
    assert "removed" in ask("remove", which, "--reason", "x", "--yes").stdout
    assert told(ask("list", "--json")) == []
    assert ask("show", which).returncode == Exit.NOT_FOUND


def test_a_name_that_would_drive_a_terminal_is_told_in_plain_letters(ask: Ask) -> None:
    made = ask("add", URL, "--name", "\x1b[2Jdesk\n")
    assert "\\u001b[2Jdesk\\u000a" in made.stdout
    assert "\x1b" not in made.stdout + ask("list").stdout


def test_an_address_that_may_not_be_called_is_refused_with_a_remedy(ask: Ask) -> None:
    done = ask("add", "http:/" + "/10.0.0.1/", "--name", "x")
    assert done.returncode == Exit.USAGE
    assert "is no public address" in done.stderr
    assert "remedy: give an `https` address" in done.stderr


def test_what_is_not_there_can_be_neither_released_nor_skipped(ask: Ask) -> None:
    which = told(ask("add", URL, "--name", "desk", "--json"))["endpoint"]["endpoint_id"]
    for verb in ("release", "skip"):
        done = ask(verb, which, str(UUID(int=1)), "--reason", "x")
        assert done.returncode == Exit.NOT_FOUND


def test_the_words_of_the_command_are_those_of_the_service() -> None:
    assert tuple(WebhookType) == webhook.EVENTS
    assert tuple(DeliveryStatus) == webhook.STATUSES
