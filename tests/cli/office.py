"""A tenant with people who work from the terminal, on a real service."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from tests.cli.conftest import Done, Placet
from tests.studio.story import contract, importing

from placet.cli.exits import Exit
from placet.cli.key_file import make_key
from placet.evidence.dsse import encode_envelope
from placet.evidence.first_approver import first_naming, sign_first_proof
from placet.kernel.ids import ActorId
from placet.kernel.principal import Environment, Scope
from placet.sdk.studio.client import Studio
from placet.studio.requests.model import RequestAnswer, RequestApproval
from placet.studio.workspaces.model import ApprovalPolicy, CreateWorkspace, NameApprover
from placet.tenancy.model import ActorKind, CreateActor, GrantRole, IssueApiKey, Role

WORDS = "a long enough one"
T = TypeVar("T")


class Office:
    """An admin who authors, approvers with key files, and one workspace of one agent."""

    def __init__(self, placet: Placet, url: str, database_url: str, folder: Path) -> None:
        """Found the tenant."""
        self.placet = placet
        self.url = url
        self.folder = folder
        self.pins = folder / "pins.json"
        roles = ("--role", "admin", "--role", "author", "--role", "viewer")
        made = placet(
            "tenant", "create", "acme", *roles, "--json", PLACET_DATABASE_URL=database_url
        )
        told = json.loads(made.stdout)
        self.admin = told["api_key"]
        self.tenant = UUID(told["tenant"]["tenant_id"])
        self.keys: dict[str, str] = {}
        self.key_ids: dict[str, str] = {}
        self.people: dict[str, ActorId] = {}
        self.workspace = UUID(int=0)

    def at(self, work: Callable[[Studio], Awaitable[T]], by: str | None = None) -> T:
        """Do something with the studio's client, as the admin or as somebody."""

        async def done() -> T:
            key = self.admin if by is None else self.keys[by]
            async with Studio(self.url, key) as studio:
                return await work(studio)

        return asyncio.run(done())

    def file(self, name: str) -> Path:
        """Return where somebody's key is."""
        return self.folder / f"{name}.key"

    def hire(self, name: str) -> NameApprover:
        """Add an approver with a key file, and return their enrolment as a first approver."""
        key = make_key(self.file(name), WORDS)
        self.key_ids[name] = key.key_id

        async def hired(studio: Studio) -> ActorId:
            person = await studio.people.create(CreateActor(kind=ActorKind.PERSON, name=name))
            await studio.people.grant_role(GrantRole(actor_id=person.actor_id, role=Role.APPROVER))
            wish = IssueApiKey(
                actor_id=person.actor_id, name="k", scopes=[Scope.READ, Scope.APPROVE]
            )
            issued = await studio.people.issue_key(wish)
            assert issued.api_key is not None
            self.keys[name] = issued.api_key
            return person.actor_id

        who = self.people[name] = self.at(hired)
        naming = first_naming(self.tenant, "desk", Environment.STAGING)
        proof = encode_envelope(sign_first_proof(naming, who, key))
        return NameApprover(actor_id=who, public_key=key.public.raw, proof=proof)

    def open(self, *approvers: NameApprover, quorum: int = 1) -> None:
        """Open the workspace."""
        wish = CreateWorkspace(
            agent="desk",
            environment=Environment.STAGING,
            approval_policy=ApprovalPolicy(quorum=quorum, validity_days=30),
            approvers=approvers,
        )
        made = self.at(lambda studio: studio.workspaces.create(wish))
        self.workspace = made.workspace_id

    def ask(self, document: dict[str, Any] | None = None) -> RequestAnswer:
        """Ask for the approval of a contract."""

        async def asked(studio: Studio) -> RequestAnswer:
            draft = await studio.drafts.open(self.workspace)
            command = importing(document or contract(agent="desk"))
            version = draft.current_version
            applied = await studio.drafts.command(draft.draft_id, command, version=version)
            snapshot = await studio.snapshots.take(draft.draft_id, version=applied.version)
            return await studio.requests.make(RequestApproval(snapshot_id=snapshot.snapshot_id))

        return self.at(asked)

    def run(self, *arguments: str, by: str, **more: str) -> Done:
        """Run a command as somebody, with their pinned keys."""
        door = {
            "PLACET_API_KEY": self.keys.get(by, self.admin),
            "PLACET_URL": self.url,
            "PLACET_PINNED_KEYS": str(self.pins),
            "PLACET_KEY_PASSPHRASE": WORDS,
        }
        return self.placet(*arguments, **(door | more))

    def told(self, *arguments: str, by: str) -> Any:  # noqa: ANN401 -- any JSON
        """Run a command that must succeed, and return what it tells as JSON."""
        done = self.run(*arguments, "--json", by=by)
        assert done.returncode == Exit.OK, done.stderr
        return json.loads(done.stdout)

    def key_id(self, name: str) -> str:
        """Return the id of somebody's key."""
        return self.key_ids[name]
