"""A running service in this process, and a refund desk on it."""

from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace
from tests.patient import Patient
from tests.replay.desk import Desk
from tests.server.conftest import started

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database


@pytest.fixture(scope="session")
async def app(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Litestar]:
    """The application, started, without its loops: tests sweep by hand."""
    folder = tmp_path_factory.mktemp("replay")
    async with started(create_app(Settings(data_dir=folder), database_url)) as made:
        yield made


@pytest.fixture(scope="session")
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a socket."""
    transport = Patient(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as made:
        yield made


@pytest.fixture
async def desk(
    client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids, workplace: Workplace
) -> Desk:
    """A refund desk with an approved contract."""
    made = Desk(client, db, ids, workplace)
    await made.approve(app.state[ServerKeys.__name__])
    return made
