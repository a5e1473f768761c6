"""The people of a new tenant, each with a key of their own, and how they speak to the service."""

import dataclasses
from typing import Final, TypeVar

import msgspec

from placet.cli.demo.contract import AGENT
from placet.cli.exits import CommandRefused, Exit
from placet.evidence.ed25519 import SigningKey
from placet.kernel.clock import Clock
from placet.kernel.ids import ActorId, Ids, TenantId
from placet.kernel.principal import Environment, Scope
from placet.kernel.refusals import Unauthenticated
from placet.kernel.value import Value
from placet.sdk.caller import Ask, Caller
from placet.sdk.endpoints import IDEMPOTENCY_KEY
from placet.sdk.retry import Patience
from placet.sdk.transport import HttpxTransport
from placet.storage.database import Database
from placet.tenancy import service
from placet.tenancy.model import (
    Actor,
    ActorKind,
    CreateActor,
    CreatedTenant,
    GrantRole,
    IssueApiKey,
    IssuedApiKey,
    Me,
    Role,
    RoleGrant,
)
from placet.tenancy.rules import ROLE_SCOPES

_PATIENCE: Final = Patience(total=10.0, attempt=10.0)

T = TypeVar("T")


class Person:
    """One who speaks to the service with a key, by plain requests."""

    def __init__(self, name: str, actor_id: ActorId, api_key: str, caller: Caller) -> None:
        """Take who it is, and what speaks for them."""
        self.name = name
        self.actor_id = actor_id
        self.api_key = api_key
        self._caller = caller

    async def get(self, path: str, into: type[T]) -> T:
        """Read. Raises the service's refusals."""
        return await self._caller.ask(Ask(method="GET", path=path), into, _PATIENCE)

    async def read(self, path: str) -> bytes:
        """Read what is no JSON document."""
        heard = await self._caller.hear(Ask(method="GET", path=path), _PATIENCE)
        return heard.response.body

    async def post(self, path: str, body: Value, into: type[T], key: str | None = None) -> T:
        """Change something, once for one idempotency key. Raises the service's refusals."""
        headers = {IDEMPOTENCY_KEY: key or str(self._caller.ids.new())}
        raw = msgspec.Raw(msgspec.json.encode(body))
        ask = Ask(method="POST", path=path, body=raw, headers=headers)
        return await self._caller.ask(ask, into, _PATIENCE)

    async def close(self) -> None:
        """Close the connections."""
        await self._caller.close()


class People:
    """Everybody in the story. `agent_key` is the agent's, `signing` the approver's own."""

    def __init__(self, tenant_id: TenantId, admin: Person) -> None:
        """Begin with the tenant's first person."""
        self.tenant_id = tenant_id
        self.admin = admin
        self.author = self.approver = self.operator = self.auditor = admin
        self.signing = SigningKey.generate()
        self.agent_key = ""

    async def close(self) -> None:
        """Close everybody's connections."""
        for person in {self.admin, self.author, self.approver, self.operator, self.auditor}:
            await person.close()


async def found_tenant(database_url: str, name: str, ids: Ids) -> CreatedTenant:
    """Make a tenant with its first admin, next to the database: nobody has a key before that."""
    db = await Database.open(database_url, pool_size=1)
    try:
        async with db.writing(service.founder(ids)) as tx:
            return await service.create_tenant(tx, name, ids, [Role.ADMIN])
    finally:
        await db.close()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Speaking:
    """Where the service is, and where time and ids come from."""

    url: str
    clock: Clock
    ids: Ids

    def person(self, name: str, actor_id: ActorId, api_key: str) -> Person:
        """Return somebody who speaks with a key."""
        caller = Caller(HttpxTransport(self.url), api_key, self.clock, self.ids)
        return Person(name, actor_id, api_key, caller)


async def gather(speaking: Speaking, created: CreatedTenant) -> People:
    """Add everybody else to the tenant over HTTP, each with one role and one key."""
    admin = speaking.person("admin", created.admin.actor_id, created.api_key)
    people = People(created.tenant.tenant_id, admin)
    try:
        await admin.get("/tenancy/me", Me)
    except Unauthenticated as fault:
        raise CommandRefused(
            detail=f"the service at {speaking.url} works on another database than this command",
            remedy="give both the same PLACET_DATABASE_URL, or name a folder with --data-dir",
            code=Exit.INFRASTRUCTURE,
        ) from fault
    people.author = await _person(speaking, admin, "Nora", Role.AUTHOR)
    people.approver = await _person(speaking, admin, "Ada", Role.APPROVER)
    people.operator = await _person(speaking, admin, "Omar", Role.OPERATOR)
    people.auditor = await _person(speaking, admin, "Iris", Role.AUDITOR)
    agent = await _actor(admin, ActorKind.AGENT, AGENT)
    people.agent_key = await _key(admin, agent, [Scope.RUNTIME], Environment.STAGING)
    return people


async def _person(speaking: Speaking, admin: Person, name: str, role: Role) -> Person:
    actor = await _actor(admin, ActorKind.PERSON, name)
    granted = GrantRole(actor_id=actor.actor_id, role=role)
    await admin.post("/tenancy/role-grants", granted, RoleGrant)
    key = await _key(admin, actor, sorted(ROLE_SCOPES[role]), None)
    return speaking.person(name, actor.actor_id, key)


async def _actor(admin: Person, kind: ActorKind, name: str) -> Actor:
    return await admin.post("/tenancy/actors", CreateActor(kind=kind, name=name), Actor)


async def _key(
    admin: Person, actor: Actor, scopes: list[Scope], environment: Environment | None
) -> str:
    asked = IssueApiKey(
        actor_id=actor.actor_id,
        name=f"demo, {actor.name}",
        scopes=scopes,
        agent=None if environment is None else AGENT,
        environment=environment,
    )
    issued = await admin.post("/tenancy/api-keys", asked, IssuedApiKey)
    assert issued.api_key is not None  # noqa: S101 -- narrows the type; a first answer has it
    return issued.api_key
