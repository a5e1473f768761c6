"""`placet break-glass`, on a real service: two operators with key files."""

import io
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving
from tests.studio.story import contract, importing

from placet.cli.exits import Exit
from placet.kernel.principal import Scope
from placet.sdk.studio.client import Studio
from placet.tenancy.model import GrantRole, IssueApiKey, Role


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    made = Office(placet, url, database_url, tmp_path)
    made.open(made.hire("ada"), made.hire("ben"))
    for name in ("ada", "ben"):
        make_operator(made, name)
    return made


def make_operator(office: Office, name: str) -> None:
    """Give an approver the role of an operator, and a key for both."""
    who = office.people[name]

    async def given(studio: Studio) -> str:
        await studio.people.grant_role(GrantRole(actor_id=who, role=Role.OPERATOR))
        scopes = [Scope.READ, Scope.APPROVE, Scope.OPERATE]
        issued = await studio.people.issue_key(
            IssueApiKey(actor_id=who, name="both", scopes=scopes)
        )
        return str(issued.api_key)

    office.keys[name] = office.at(given)


def standby(office: Office) -> UUID:
    """Have something approved to stand by, at the terminal, and return the approval's id."""

    async def frozen(studio: Studio) -> UUID:
        draft = await studio.drafts.open(office.workspace)
        applied = await studio.drafts.command(
            draft.draft_id, importing(contract(agent="desk")), version=draft.current_version
        )
        snapshot = await studio.snapshots.take(draft.draft_id, version=applied.version)
        return snapshot.snapshot_id

    snapshot = str(office.at(frozen))
    asked = office.told("request", "make", snapshot, "--break-glass", by="admin")
    assert asked["vote_fields"]["purpose"] == "break_glass"
    office.run("keys", "pin", "--yes", by="ada")
    key = ("--key", str(office.file("ada")), "--yes")
    voted = office.told("approve", asked["request_id"], *key, by="ada")
    return UUID(voted["vote"]["approval_id"])


def test_two_operators_put_in_force_what_stands_by_and_one_ends_it(office: Office) -> None:
    approval = str(standby(office))
    assert office.told("approval", "show", approval, by="ada")["status"] == "standby"
    proof = str(office.folder / "standby.jsonl")
    office.told("approval", "export", approval, "-o", proof, by="ada")
    assert office.run("verify", proof, by="ada").returncode == Exit.OK
    wish = ("--minutes", "30", "--reason", "the provider is down")
    key = ("--key", str(office.file("ada")), "--yes")
    opened = office.told("break-glass", "open", approval, *wish, *key, by="ada")
    assert opened["status"] == "open"
    which = opened["activation_id"]
    alone = office.run("break-glass", "confirm", which, *key, by="ada")
    assert alone.returncode == Exit.USAGE
    assert "it takes two people" in alone.stderr
    other = ("--key", str(office.file("ben")), "--yes")
    done = office.run("break-glass", "confirm", which, *other, by="ben")
    assert done.returncode == Exit.OK, done.stderr
    assert "because    the provider is down" in done.stdout
    assert "in force until" in done.stdout
    ended = office.told("break-glass", "end", which, "--reason", "it is back", by="ben")
    assert (ended["status"], ended["end_why"]) == ("ended", "stopped")
    (listed,) = office.told("break-glass", "list", str(office.workspace), by="ada")
    assert listed == office.told("break-glass", "show", which, by="ada")
    assert "over       " in office.run("break-glass", "show", which, by="ada").stdout


def test_nothing_is_signed_where_the_answer_is_no(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ("--key", str(office.file("ada")))
    wish = ("--minutes", "1", "--reason", "r")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    done = office.run("break-glass", "open", str(standby(office)), *wish, *key, by="ada")
    assert "is to be in force for 1 minutes?" in done.stderr
    assert done.returncode != Exit.OK
    assert office.told("break-glass", "list", str(office.workspace), by="ada") == []
