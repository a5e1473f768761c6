"""`placet drift`, on a real service, beside an agent that reports a tool nobody approved."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving

from placet.cli.exits import Exit
from placet.kernel.principal import Environment, Scope
from placet.sdk.studio.client import Studio
from placet.tenancy.model import ActorKind, CreateActor, IssueApiKey


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    return Office(placet, url, database_url, tmp_path)


def attach(office: Office, *tools: str) -> None:
    """Report an agent's process that offers these tools."""

    async def key(studio: Studio) -> str:
        agent = await studio.people.create(CreateActor(kind=ActorKind.AGENT, name="desk"))
        wish = IssueApiKey(
            actor_id=agent.actor_id,
            name="runtime",
            scopes=[Scope.RUNTIME],
            agent="desk",
            environment=Environment.STAGING,
        )
        return str((await studio.people.issue_key(wish)).api_key)

    body = {
        "instance_id": "pod-1",
        "status": "attached",
        "sdk_version": "1",
        "tools": [{"name": name, "input_schema": True} for name in tools],
    }
    answered = httpx.post(
        f"{office.url}/api/v1/governance/attachments",
        content=json.dumps(body),
        headers={
            "Authorization": f"Bearer {office.at(key)}",
            "Content-Type": "application/json",
        },
    )
    assert answered.status_code == httpx.codes.OK, answered.text


def test_drift_is_scanned_listed_and_decided_from_the_terminal(office: Office) -> None:
    office.open(office.hire("ada"))
    asked = office.ask()
    workspace = str(office.workspace)
    early = office.run("drift", "scan", workspace, by="ada")
    assert early.returncode != Exit.OK
    assert "no approval in force" in early.stderr
    office.told("keys", "pin", "--yes", by="ada")
    key = ("--key", str(office.file("ada")), "--yes")
    office.told("approve", str(asked.request_id), *key, by="ada")
    attach(office, "wire_money", "erase_all")
    receipt = office.told("drift", "scan", workspace, by="ada")
    assert (receipt["call_count"], receipt["opened_count"], receipt["live_count"]) == (0, 2, 2)
    listed = office.told("drift", "list", workspace, "--status", "open", by="admin")
    money = next(item["item_id"] for item in listed if item["subject"]["tool"] == "wire_money")
    other = next(item["item_id"] for item in listed if item["item_id"] != money)
    office.told("drift", "acknowledge", money, "--reason", "looking", by="ada")
    accepted = office.told("drift", "accept", money, "--reason", "wanted", by="admin")
    assert (accepted["item"]["status"], accepted["command_type"]) == (
        "accepted",
        "set_tool_contract",
    )
    late = office.run("drift", "waive", other, "--until", "2001-01-01", "--reason", "x", by="ada")
    assert late.returncode != Exit.OK
    assert "between now and a year from now" in late.stderr
    assert office.told("drift", "resolve", other, "--reason", "gone", by="ada")["status"] == (
        "resolved"
    )
    shown = office.run("drift", "show", other, by="admin")
    assert "tool_new, minor, resolved" in shown.stdout
    approval = listed[0]["approval_id"]
    evidence = office.run("drift", "evidence", approval, by="admin")
    assert "0 for       0 against  never    tools.issue_refund.decision" in evidence.stdout
