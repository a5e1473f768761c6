"""What the tests of the studio share."""

import pytest
from tests.conftest import Workplace
from tests.studio.story import Story

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database


@pytest.fixture(scope="session")
async def server_keys(db: Database) -> ServerKeys:
    keys = ServerKeys.generate()
    await keys.register(db)
    return keys


@pytest.fixture
def story(db: Database, ids: Ids, workplace: Workplace, server_keys: ServerKeys) -> Story:
    return Story(db, ids, workplace, server_keys)
