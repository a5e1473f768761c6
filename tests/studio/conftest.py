"""What the tests of the studio share."""

import pytest
from tests.conftest import Workplace, found
from tests.server.conftest import app, client
from tests.studio.story import Story

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database

__all__ = ["app", "client"]


@pytest.fixture(scope="session")
async def server_keys(db: Database) -> ServerKeys:
    keys = ServerKeys.generate()
    await keys.register(db)
    return keys


@pytest.fixture
def story(db: Database, ids: Ids, workplace: Workplace, server_keys: ServerKeys) -> Story:
    return Story(db, ids, workplace, server_keys)


@pytest.fixture
async def other(db: Database, ids: Ids, server_keys: ServerKeys) -> Story:
    """The same service, another tenant."""
    return Story(db, ids, await found(db, ids), server_keys)
