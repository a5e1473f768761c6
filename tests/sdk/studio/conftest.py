"""A service on a real socket, and people who speak to it through the studio's client."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.conftest import Workplace
from tests.server.serving import serving
from tests.studio.story import Story

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.sdk.studio.client import Studio
from placet.storage.database import Database


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service keeps its keys."""
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def url(database_url: str, folder: Path) -> Iterator[str]:
    """A service on the shared database."""
    with serving(database_url, folder) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def founder(url: str, workplace: Workplace) -> AsyncIterator[Studio]:
    """The client of a person who may do everything but run agents."""
    async with Studio(url, workplace.founder_key) as studio:
        yield studio


@pytest.fixture
async def story(url: str, folder: Path, db: Database, ids: Ids, workplace: Workplace) -> Story:
    """The authority path of the same tenant, with the keys of the service."""
    del url
    keys = await ServerKeys.load(folder / "keys", db)
    return Story(db, ids, workplace, keys)
