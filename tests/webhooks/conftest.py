"""What the tests of webhooks share."""

from collections.abc import AsyncIterator

import pytest
from tests.conftest import Server, Workplace, found
from tests.server.conftest import app, client
from tests.studio.conftest import server_keys, story
from tests.webhooks.post import Post
from tests.webhooks.receiver import Receiver, receiving

from placet.kernel.ids import Ids
from placet.storage.database import Database

__all__ = ["app", "client", "server_keys", "story"]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
def post(db: Database, ids: Ids, workplace: Workplace, server: Server, database_name: str) -> Post:
    return Post(db, ids, workplace, server.admin(database_name))


@pytest.fixture
async def stranger(db: Database, ids: Ids, server: Server, database_name: str) -> Post:
    """Another tenant."""
    return Post(db, ids, await found(db, ids), server.admin(database_name))
