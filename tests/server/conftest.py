"""The application in this process, on the real database, and a client without a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Server
from tests.patient import Patient
from tests.server.world import Builder, World

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database


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
    transport = Patient(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as made:
        yield made


@pytest.fixture
async def impatient(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client that takes the first answer, whatever it is."""
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as made:
        yield made


@pytest.fixture(scope="session")
async def world(  # noqa: PLR0913, PLR0917 -- all that a world stands on
    app: Litestar,
    client: httpx.AsyncClient,
    db: Database,
    ids: Ids,
    server: Server,
    database_name: str,
) -> World:
    """The world of the corpus: nothing in it changes, because every request is refused."""
    builder = Builder(client, db, ids, app.state[ServerKeys.__name__])
    return await builder.build(server.admin(database_name))
