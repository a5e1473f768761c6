"""The application in this process, on the real database, and a client without a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import asyncpg
import httpx
import pytest
from litestar import Litestar
from tests.conftest import Server

from placet.kernel.ids import ActorId, Ids
from placet.kernel.principal import Environment, Scope
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database, Writing
from placet.tenancy import service as tenancy
from placet.tenancy.model import (
    ActorKind,
    ApiKeyId,
    CreateActor,
    GrantRole,
    IssueApiKey,
    IssuedApiKey,
    Role,
)
from placet.tenancy.rules import format_key, make_key_id

PERSON: Final = ActorKind.PERSON


@asynccontextmanager
async def started(app: Litestar) -> AsyncIterator[Litestar]:
    """Run the application's lifespan in one task, whichever tasks begin and end a fixture."""
    up, down = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            up.set()
            await down.wait()

    life = asyncio.create_task(live())
    begun = asyncio.create_task(up.wait())
    await asyncio.wait({life, begun}, return_when=asyncio.FIRST_COMPLETED)
    if life.done():
        begun.cancel()
        await life
    yield app
    down.set()
    await life


@pytest.fixture(scope="session")
async def app(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Litestar]:
    """The application, started."""
    folder = tmp_path_factory.mktemp("server")
    async with started(create_app(Settings(data_dir=folder), database_url)) as made:
        yield made


@pytest.fixture(scope="session")
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client that carries no key."""
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as made:
        yield made


class World:
    """A tenant with keys of every sort, and another tenant beside it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.keys: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.tenants: list[UUID] = []

    def filled(self, text: str) -> str:
        """Return the text with `%name%` replaced by the key or the id of that name."""
        for name, value in (self.ids | self.keys).items():
            text = text.replace(f"%{name}%", value)
        return text

    def bearer(self, key: str) -> dict[str, str]:
        """Return the header that carries a key."""
        return {"Authorization": f"Bearer {self.keys[key]}"}


@pytest.fixture(scope="session")
async def world(db: Database, ids: Ids, server: Server, database_name: str) -> World:
    """The world of the corpus: nothing in it changes, because every request is refused."""
    made = World()
    own, other = tenancy.founder(ids), tenancy.founder(ids)
    for name, who, roles in (
        ("admin", own, (Role.ADMIN, Role.VIEWER, Role.OPERATOR)),
        ("foreign_admin", other, (Role.ADMIN,)),
    ):
        async with db.writing(who) as tx:
            created = await tenancy.create_tenant(tx, name, ids, roles=roles)
        made.keys[name] = created.api_key
        made.tenants.append(who.tenant_id)
    async with db.writing(other) as tx:
        foreign = await tenancy.create_actor(tx, CreateActor(kind=PERSON, name="F"), ids)
        made.ids |= {"foreign_actor": str(foreign.actor_id), "foreign_tenant": str(other.tenant_id)}
        issued = await _key(tx, foreign.actor_id, ids, Role.VIEWER)
        made.ids["foreign_key_id"] = issued.key.key_id
    async with db.writing(own) as tx:
        for name in ("actor", "viewer", "revoked", "expired", "disabled"):
            actor = await tenancy.create_actor(tx, CreateActor(kind=PERSON, name=name), ids)
            made.ids["actor" if name == "actor" else f"{name}_actor"] = str(actor.actor_id)
            issued = await _key(tx, actor.actor_id, ids, Role.VIEWER)
            made.keys[f"{name}_key" if name == "actor" else name] = str(issued.api_key)
            made.ids["key_id" if name == "actor" else f"{name}_key_id"] = issued.key.key_id
        agent = await tenancy.create_actor(tx, CreateActor(kind=ActorKind.AGENT, name="desk"), ids)
        made.ids["agent"] = str(agent.actor_id)
        runtime = IssueApiKey(
            actor_id=agent.actor_id,
            name="runtime",
            scopes=[Scope.RUNTIME],
            agent="desk",
            environment=Environment.STAGING,
        )
        made.keys["runtime"] = str((await tenancy.issue_key(tx, runtime, ids)).api_key)
        await tenancy.revoke_key(tx, ApiKeyId(made.ids["revoked_key_id"]), ids)
        await tenancy.disable_actor(tx, ActorId(UUID(made.ids["disabled_actor"])), ids)
    await _expire(server.admin(database_name), made.ids["expired_key_id"])
    _strangers(made, ids)
    return made


async def _key(tx: Writing, actor: ActorId, ids: Ids, role: Role) -> IssuedApiKey:
    await tenancy.grant_role(tx, GrantRole(actor_id=actor, role=role), ids)
    return await tenancy.issue_key(
        tx, IssueApiKey(actor_id=actor, name="key", scopes=[Scope.READ]), ids
    )


async def _expire(admin_url: str, key_id: str) -> None:
    """Let a key's time run out, as only time itself can: the application may not write this."""
    connection = await asyncpg.connect(admin_url)
    await connection.execute(
        "UPDATE placet.tenancy_api_key SET expires_at = now() WHERE key_id = $1", key_id
    )
    await connection.close()


def _strangers(made: World, ids: Ids) -> None:
    """Add keys that were never issued: a new one, and a live key's id with another secret."""
    made.ids["nobody"] = str(ids.new())
    made.keys["unknown"] = format_key(None, make_key_id(ids.token(8)), ids.token(32))
    made.keys["stolen_id"] = format_key(None, ApiKeyId(made.ids["key_id"]), ids.token(32))
    last = made.keys["admin"][-1]
    made.keys["admin_broken"] = made.keys["admin"][:-1] + ("A" if last != "A" else "B")
