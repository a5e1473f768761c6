"""`placet plan` on a real service: what holds, who runs it, what they offer."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving

from placet.kernel.principal import Environment, Scope
from placet.plans.attachments.model import AttachmentView
from placet.plans.model import PlanAnswer
from placet.sdk.studio.client import Studio
from placet.sdk.studio.plans import Plans
from placet.tenancy.model import ActorKind, CreateActor, IssueApiKey

DESK = ("desk", "staging")


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def office(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Office:
    made = Office(placet, url, database_url, tmp_path)
    made.open(made.hire("ada"))
    return made


def report(office: Office, **body: Any) -> None:  # noqa: ANN401 -- a report's own fields
    """Report as an instance of the agent."""

    async def issued(studio: Studio) -> str:
        agent = await studio.people.create(CreateActor(kind=ActorKind.AGENT, name="desk"))
        wish = IssueApiKey(
            actor_id=agent.actor_id,
            name="k",
            scopes=[Scope.RUNTIME],
            agent=DESK[0],
            environment=Environment.STAGING,
        )
        return (await studio.people.issue_key(wish)).api_key or ""

    key = office.at(issued)
    whole = {"instance_id": "pod-1", "sdk_version": "1"} | body
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.post(f"{office.url}/api/v1/governance/attachments", json=whole, headers=headers)
    assert answer.status_code == 200, answer.text


def test_a_plan_is_shown_with_who_runs_it_and_the_tools_that_they_offer(office: Office) -> None:
    report(office, status="attached", compiled_hash="ab" * 32, tools=[{"name": "odd\nname"}])
    assert "LEARNING, version 1" in office.run("plan", "show", *DESK, by="ada").stdout
    shown = office.run("plan", "instances", *DESK, by="ada").stdout
    assert "LEARNING: 0 of 1 run what is in force" in shown
    assert "pod-1  attached, runs abababababab, not what is in force" in shown
    tools = office.run("plan", "tools", *DESK, by="ada").stdout
    assert r"'odd\nname'  no schema told" in tools
    (tool,) = office.told("plan", "tools", *DESK, by="ada")
    assert (tool["tool"], tool["input_schema"]) == ("odd\nname", None)
    (told,) = office.told("plan", "instances", *DESK, by="ada")["instances"]
    assert (told["instance_id"], told["is_converged"]) == ("pod-1", False)


def test_what_a_service_tells_cannot_drive_the_terminal(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(office, status="fetch_failed", reason="gone")
    get, every = Plans.get, Plans.every_instance

    async def named(self: Plans, agent: str, environment: Environment) -> PlanAnswer:
        return replace(await get(self, agent, environment), agent="desk\x1b[2J")

    async def told(
        self: Plans, agent: str, environment: Environment
    ) -> AsyncIterator[AttachmentView]:
        async for one in every(self, agent, environment):
            yield replace(one, instance_id="pod\x1b[2J", reason="gone\r\x07")

    monkeypatch.setattr(Plans, "get", named)
    monkeypatch.setattr(Plans, "every_instance", told)
    shown = office.run("plan", "show", *DESK, by="ada").stdout
    assert shown.startswith("desk\\u001b[2J in staging")
    listed = office.run("plan", "instances", *DESK, by="ada").stdout
    assert "pod\\u001b[2J  fetch_failed (gone\\u000d\\u0007)" in listed


def test_readiness_is_shown_beside_what_is_asked_for(office: Office) -> None:
    shown = office.run("plan", "readiness", str(office.workspace), by="ada").stdout
    assert "LEARNING: not enough was observed" in shown
    assert "calls: 0 of 200, of 0 tools" in shown


def test_a_plan_that_is_not_there_is_told_with_a_remedy(office: Office) -> None:
    done = office.run("plan", "show", "nobody", "staging", by="ada")
    assert done.returncode != 0
    assert "check their spelling" in done.stderr
