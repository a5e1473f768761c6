"""`placet workspace`, `placet request` and the rest of `placet approval`, on a real service."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving

from placet.cli.exits import Exit


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    return Office(placet, url, database_url, tmp_path)


def proof(office: Office, name: str, *groups: str) -> str:
    """Return the file in which somebody agrees to be a first approver, in these groups."""
    office.hire(name)
    who = ("--tenant", str(office.tenant), "--person", str(office.people[name]))
    where = ("--agent", "desk", "--environment", "staging")
    theirs = [word for group in groups for word in ("--group", group)]
    told = office.told(
        "person-key", "proof", str(office.file(name)), *who, *where, *theirs, by=name
    )
    file = office.folder / f"{name}.json"
    file.write_text(json.dumps(told))
    return str(file)


def test_a_workspace_is_opened_with_its_groups_shown_and_archived(office: Office) -> None:
    policy = ("--quorum", "2", "--group", "risk=1", "--four-eyes", "--validity-days", "30")
    people = ("--approver", proof(office, "ada"), "--approver", proof(office, "ben", "risk"))
    agent = ("--agent", "desk", "--environment", "staging")
    made = office.told("workspace", "create", *agent, *policy, *people, by="admin")
    which = made["workspace_id"]
    assert made["approval_policy"]["groups"] == [{"name": "risk", "quorum": 1}]
    shown = office.run("workspace", "show", which, by="ada").stdout
    assert "2 people, 1 of group risk, four eyes, for 30 days" in shown
    assert [one["workspace_id"] for one in office.told("workspace", "list", by="ada")] == [which]
    listed = office.told("workspace", "approvers", which, by="ada")
    groups = {
        one["actor_id"]: [each["group_name"] for each in one["keys"][0]["groups"]] for one in listed
    }
    assert groups == {str(office.people["ada"]): [], str(office.people["ben"]): ["risk"]}
    assert "counts  risk" in office.run("workspace", "approvers", which, by="ada").stdout
    closed = office.told("workspace", "archive", which, "--reason", "retired", by="admin")
    assert closed["status"] == "archived"


@pytest.mark.parametrize("wrong", [("--group", "risk"), ("--approver", "no-file")])
def test_what_is_not_understood_is_refused_before_anything_is_sent(
    office: Office, wrong: tuple[str, str]
) -> None:
    agent = ("--agent", "desk", "--environment", "staging")
    done = office.run("workspace", "create", *agent, *wrong, by="admin")
    assert done.returncode == Exit.USAGE
    assert office.told("workspace", "list", by="admin") == []


def test_a_request_is_made_shown_and_withdrawn(office: Office) -> None:
    office.open(office.hire("ada"))
    first = office.ask()
    withdrawn = office.told(
        "request", "withdraw", str(first.request_id), "--reason", "a rule is missing", by="admin"
    )
    assert withdrawn["status"] == "withdrawn"
    made = office.told("request", "make", str(first.snapshot_id), "--days", "1", by="admin")
    shown = office.told("request", "show", made["request_id"], by="ada")
    assert (shown["status"], shown["votes"]["tally"]["quorum"]) == ("open", 1)
    listed = office.told("request", "list", str(office.workspace), by="ada")
    assert [(one["request_id"], one["status"]) for one in listed] == [
        (made["request_id"], "open"),
        (str(first.request_id), "withdrawn"),
    ]
    lines = office.run("request", "list", str(office.workspace), "--status", "open", by="ada")
    assert lines.stdout.startswith(f"{made['request_id']}  open  until ")
    assert len(lines.stdout.splitlines()) == 1
    assert "approvals  0 of 1" in office.run("request", "show", made["request_id"], by="ada").stdout


def test_a_request_brings_another_policy_and_the_first_member_of_its_new_group(
    office: Office,
) -> None:
    office.open(office.hire("ada"))
    first = office.ask()
    why = ("--reason", "with another policy")
    office.told("request", "withdraw", str(first.request_id), *why, by="admin")
    policy = office.folder / "policy.json"
    policy.write_text('{"groups": [{"name": "risk"}]}')
    ask = ("request", "make", str(first.snapshot_id), "--next-policy", str(policy))
    alone = office.run(*ask, by="admin")
    assert alone.returncode != Exit.OK
    assert "nobody would be in the group `risk`" in alone.stderr
    member = ("--first-member", f"risk={office.key_ids['ada']}")
    change = office.told(*ask, *member, by="admin")["view"]["policy_change"]
    assert [entry["actor_id"] for entry in change["roll"]] == [str(office.people["ada"])]


@pytest.mark.parametrize(
    "wrong",
    [("--next-policy", "no-file"), ("--first-member", "risk"), ("--first-member", "risk=ab")],
)
def test_a_policy_that_is_not_understood_is_refused_before_anything_is_sent(
    office: Office, wrong: tuple[str, str]
) -> None:
    done = office.run("request", "make", str(office.tenant), *wrong, by="admin")
    assert done.returncode == Exit.USAGE


def test_an_approval_is_listed_and_revoked(office: Office) -> None:
    office.open(office.hire("ada"))
    request = office.ask()
    office.told("keys", "pin", "--yes", by="ada")
    key = ("--key", str(office.file("ada")), "--yes")
    vote = office.told("approve", str(request.request_id), *key, by="ada")["vote"]
    listed = office.told("approval", "list", str(office.workspace), by="ada")
    assert [(one["approval_id"], one["status"]) for one in listed] == [
        (vote["approval_id"], "in_force")
    ]
    which = vote["approval_id"]
    ended = office.told("approval", "revoke", which, "--reason", "went wrong", by="ada")
    assert ended["status"] == "revoked"
    assert "status     revoked" in office.run("approval", "show", which, by="ada").stdout
