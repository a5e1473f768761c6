"""`placet session` on a real service: what agents have under way, and how an operator ends it."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from tests.cli.conftest import Placet
from tests.cli.office import Office
from tests.server.serving import serving

from placet.cli.exits import Exit
from placet.kernel.ids import SystemIds
from placet.kernel.principal import Environment, Scope
from placet.sdk.studio.client import Studio
from placet.tenancy.model import ActorKind, CreateActor, GrantRole, IssueApiKey, Role

NOBODY = UUID(int=7)
IDS = SystemIds()


@pytest.fixture(scope="module")
def url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, tmp_path_factory.mktemp("keys")) as port:
        yield f"http://127.0.0.1:{port}"


class Floor:
    """An agent at work under an approved contract, and an operator."""

    def __init__(self, office: Office) -> None:
        """Have a contract in force, and issue both keys."""
        office.open(office.hire("ada"))
        asked = office.ask()
        office.told("keys", "pin", "--yes", by="ada")
        key = ("--key", str(office.file("ada")), "--yes")
        office.told("approve", str(asked.request_id), *key, by="ada")
        self.office = office
        self.runtime_key = office.at(self._runtime)
        office.keys["op"] = office.at(self._operator)

    def post(self, path: str, **body: object) -> httpx.Response:
        """Send a request as the agent."""
        headers = {"Authorization": f"Bearer {self.runtime_key}", "Idempotency-Key": IDS.new().hex}
        return httpx.post(f"{self.office.url}/api/v1/{path}", json=body, headers=headers)

    def session(self) -> str:
        """Open a session and take its lease."""
        opened = self.post("replay/sessions")
        assert opened.status_code == 201, opened.text
        session_id = str(opened.json()["session_id"])
        leased = self.post(
            f"replay/sessions/{session_id}/lease",
            action="grant",
            holder="wor\nker",
            request_id=str(IDS.new()),
        )
        assert leased.status_code == 200, leased.text
        return session_id

    @staticmethod
    async def _runtime(studio: Studio) -> str:
        agent = await studio.people.create(CreateActor(kind=ActorKind.AGENT, name="desk"))
        wish = IssueApiKey(
            actor_id=agent.actor_id,
            name="k",
            scopes=[Scope.RUNTIME],
            agent="desk",
            environment=Environment.STAGING,
        )
        return (await studio.people.issue_key(wish)).api_key or ""

    @staticmethod
    async def _operator(studio: Studio) -> str:
        person = await studio.people.create(CreateActor(kind=ActorKind.PERSON, name="op"))
        await studio.people.grant_role(GrantRole(actor_id=person.actor_id, role=Role.OPERATOR))
        wish = IssueApiKey(actor_id=person.actor_id, name="k", scopes=[Scope.READ, Scope.OPERATE])
        return (await studio.people.issue_key(wish)).api_key or ""


@pytest.fixture
def floor(placet: Placet, url: str, database_url: str, tmp_path: Path) -> Floor:
    return Floor(Office(placet, url, database_url, tmp_path))


def test_an_operator_sees_follows_and_ends_what_agents_do(floor: Floor) -> None:
    office = floor.office
    kept, hung = floor.session(), floor.session()
    assert [one["session_id"] for one in office.told("session", "list", by="op")] == [hung, kept]
    assert len(office.told("session", "list", "--limit", "1", by="op")) == 1
    shown = office.run("session", "show", hung, by="op").stdout
    assert r"lease of wor\u000aker, fence 1.1" in shown
    stolen = office.told("session", "steal", hung, "--reason", "it hangs", by="op")
    assert (stolen["outcome"], stolen["fence"]["n"]) == ("stolen", 2)
    killed = office.run("session", "kill", hung, "--reason", "it raves", by="op")
    assert killed.stdout.strip() == f"{hung} is killed"
    again = office.run("session", "kill", hung, "--reason", "it raves", by="op")
    assert "as it was before" in again.stdout
    done = office.run("session", "watch", hung, "--after", "2", by="op")
    assert done.returncode == Exit.OK, done.stderr
    assert [line.split("  ")[-2] for line in done.stdout.splitlines()] == [
        "LeaseStolen",
        "SessionStopped",
    ]
    told = office.run("session", "watch", hung, "--json", by="op").stdout.splitlines()
    assert [json.loads(line)["seq"] for line in told] == [1, 2, 3, 4]
    assert [one["seq"] for one in office.told("session", "events", hung, by="op")] == [1, 2, 3, 4]
    closed = office.told("session", "close", kept, "--reason", "it is done", by="op")
    assert (closed["status"], closed["unsettled"]) == ("completed", [])
    assert "ended" in office.run("session", "show", kept, by="op").stdout


def test_who_may_only_look_ends_nothing(floor: Floor) -> None:
    office, session = floor.office, floor.session()
    for verb, *more in (("kill", "--reason", "no"), ("steal", "--reason", "no"), ("close",)):
        refused = office.run("session", verb, session, *more, by="ada")
        assert refused.returncode != Exit.OK
        assert "operate" in refused.stderr
    assert office.told("session", "show", session, by="ada")["status"] == "active"
    unknown = office.run("session", "show", str(NOBODY), by="op")
    assert unknown.returncode != Exit.OK
