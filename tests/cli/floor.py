"""An agent at work under an approved contract, for commands that look at what it does."""

import httpx
from tests.cli.office import Office

from placet.kernel.ids import SystemIds
from placet.kernel.principal import Environment, Scope
from placet.sdk.studio.client import Studio
from placet.tenancy.model import ActorKind, CreateActor, GrantRole, IssueApiKey, Role

IDS = SystemIds()


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
