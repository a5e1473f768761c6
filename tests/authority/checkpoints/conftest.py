"""A tenant's log with a signer beside it."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from tests.conftest import Server
from tests.evidence.log.scribe import Scribe

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.storage.database import Database


@pytest.fixture(scope="module")
def keys() -> ServerKeys:
    return ServerKeys.generate()


@pytest.fixture
def scribe(db: Database, tenant: Principal, ids: Ids) -> Scribe:
    return Scribe(db, tenant, ids)


@pytest.fixture
async def admin(server: Server, database_name: str) -> "AsyncIterator[asyncpg.Connection[Any]]":
    """A superuser in the shared database."""
    connection = await asyncpg.connect(server.admin(database_name))
    yield connection
    await connection.close()
