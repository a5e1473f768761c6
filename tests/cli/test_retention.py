"""`placet retention` and `placet erase`, against a service that runs."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cli.conftest import Done, Placet
from tests.server.serving import serving

from placet.audit.erasures.model import StreamClass
from placet.cli import retention
from placet.cli.exits import Exit
from placet.kernel.ids import SystemIds
from placet.storage.database import Database
from placet.worker.retention import erase_due

Ask = Callable[..., Done]


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def ask(placet: Placet, url: str, database_url: str) -> Ask:
    """Run `placet …` as the admin of a fresh tenant."""
    door = {"PLACET_DATABASE_URL": database_url}
    made = placet("tenant", "create", "acme", "--json", **door)
    key = json.loads(made.stdout)["api_key"]
    return lambda *words, **more: placet(*words, PLACET_API_KEY=key, PLACET_URL=url, **more)


def told(done: Done) -> Any:  # noqa: ANN401 -- JSON
    assert done.returncode == Exit.OK, done.stderr
    return json.loads(done.stdout)


def test_a_policy_is_set_shown_run_and_taken_back_from_the_terminal(ask: Ask) -> None:
    assert "nothing goes: no policy" in ask("retention", "show").stdout
    assert ask("retention", "run").returncode != Exit.OK
    made = told(
        ask("retention", "set", "--class", "session", "--days", "3", "--reason", "law", "--json")
    )
    assert (made["stream_class"], made["days"]) == ("session", 3)
    shown = ask("retention", "show").stdout
    assert "session: kept for 3 days" in shown
    assert "nothing goes: no export was recorded" in shown
    assert ask("retention", "run").stdout == "0 bodies of 0 streams\n"
    again = ask("retention", "set", "--class", "session", "--for-ever", "--reason", "court")
    assert again.stdout == "session: kept for ever\n"


@pytest.mark.parametrize("words", [(), ("--days", "3", "--for-ever")])
def test_how_long_is_said_in_exactly_one_way(ask: Ask, words: tuple[str, ...]) -> None:
    done = ask("retention", "set", "--class", "session", "--reason", "law", *words)
    assert done.returncode == Exit.USAGE
    assert "--days or --for-ever" in done.stderr


def carry_out(database_url: str) -> None:
    """Do as the worker does, until nothing is due."""

    async def working() -> None:
        db = await Database.open(database_url)
        while await erase_due(db, SystemIds()):
            pass
        await db.close()

    asyncio.run(working())


def test_a_person_is_looked_for_and_what_stays_is_told(ask: Ask, database_url: str) -> None:
    asked = ("--reason", "asked by letter", "--wait", "0", "--json")
    first = told(ask("erase", "--subject", "acme", *asked))
    dry = told(ask("erase", "--subject", "nobody", "--dry-run", *asked))
    assert (first["status"], dry["status"]) == ("open", "open")
    carry_out(database_url)
    shown = ask("erase", "--show", first["request_id"]).stdout
    # The tenant's name stands in an event that proves how it began.
    assert "done: erased 0 bodies in 0 streams" in shown
    assert "stays: event_body (1)" in shown
    assert "not looked into: backups" in shown
    again = told(ask("erase", "--show", dry["request_id"], "--json"))
    assert (again["status"], again["dry_run"], again["streams"]) == ("done", True, [])
    assert ask("erase", "--reason", "r").returncode == Exit.USAGE


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("--principal", "4711", "--reason", "r"), "give --subject and --reason too"),
        (("--subject", "abc", "--reason", "r"), "name one line of 4 to 320 characters"),
        (("--subject", "x" * 321, "--reason", "r"), "name one line of 4 to 320 characters"),
    ],
)
def test_an_erasure_that_cannot_be_asked_for_like_this_is_refused_in_words(
    ask: Ask, words: tuple[str, ...], remedy: str
) -> None:
    done = ask("erase", *words)
    assert done.returncode == Exit.USAGE
    assert remedy in done.stderr
    assert "[^" not in done.stderr


def test_a_principal_is_asked_for_with_a_subject_of_the_same_value(ask: Ask) -> None:
    both = ("--subject", "4711", "--principal", "4711")
    made = told(ask("erase", *both, "--reason", "a letter", "--wait", "0", "--json"))
    assert made["status"] == "open"


def test_one_day_is_told_as_one(ask: Ask) -> None:
    one = ("--class", "session", "--days", "1", "--reason", "law")
    assert ask("retention", "set", *one).stdout == "session: kept for 1 day\n"


def test_help_names_every_class() -> None:
    assert set(retention.CLASSES) == {each.value for each in StreamClass}
