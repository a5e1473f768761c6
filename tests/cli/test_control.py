"""`placet control`: a kill by one, its lifting by two who sign, against a service that runs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import WORDS, Office
from tests.server.serving import serving

from placet.cli.exits import Exit
from placet.kernel.ids import ActorId
from placet.kernel.principal import Scope
from placet.sdk.studio.client import Studio
from placet.tenancy.model import GrantRole, IssueApiKey, Role


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(
    placet: Placet, url: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Office:
    """An office with two operators who have keys."""
    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", WORDS)
    made = Office(placet, url, database_url, tmp_path)
    made.open(made.hire("ada"), made.hire("bob"))
    made.at(lambda studio: make_operators(studio, made))
    return made


async def make_operators(studio: Studio, office: Office) -> None:
    """Make everybody an operator, with an API key for it."""
    for name, who in office.people.items():
        office.keys[name] = await operator_key(studio, who)


async def operator_key(studio: Studio, who: ActorId) -> str:
    """Make somebody an operator, and return an API key of theirs."""
    await studio.people.grant_role(GrantRole(actor_id=who, role=Role.OPERATOR))
    wish = IssueApiKey(actor_id=who, name="op", scopes=[Scope.READ, Scope.OPERATE])
    return str((await studio.people.issue_key(wish)).api_key)


def test_two_people_with_keys_lift_what_one_stopped(office: Office) -> None:
    why = ("--reason", "it pays \x1btwice")
    killed = office.told("control", "kill", "tool", "issue_refund", *why, by="ada")
    control = killed["control_id"]
    assert "tool issue_refund, epoch 1: it pays \\u001btwice" in (
        office.run("control", "list", by="ada").stdout
    )
    assert office.run("control", "unconfirmed", control, by="ada").stdout.strip() == (
        "nothing is out"
    )
    signs = {name: ("--key", str(office.file(name)), "--yes") for name in ("ada", "bob")}
    over = ("control", "lift", control, "--reason", "it was mended")
    agreed = ("control", "confirm", control, "--reason", "I saw it")
    nobody = office.run(*agreed, *signs["bob"], by="bob")
    assert nobody.returncode == Exit.NOT_FOUND
    unsigned = office.run(*over, "--yes", by="ada")
    assert (unsigned.returncode, "have keys" in unsigned.stderr) == (Exit.USAGE, True)
    assert office.told(*over, *signs["ada"], by="ada")["lifted_epoch"] is None
    for signer, who in (("ada", "ada"), ("ada", "bob")):
        assert office.run(*agreed, *signs[signer], by=who).returncode != Exit.OK
    assert office.told(*agreed, *signs["bob"], by="bob")["lifted_epoch"] == 2
    assert office.run("control", "list", by="ada").stdout.strip() == "no controls"
    assert "lifted in epoch 2" in office.run("control", "list", "--all", by="ada").stdout


def test_an_agent_without_a_name_is_not_stopped(office: Office) -> None:
    assert office.run("control", "kill", "agent", "--reason", "x", by="ada").returncode != Exit.OK
    assert office.told("control", "list", by="ada") == []
