"""A refund desk with traffic, and people who look at what a candidate would have said to it."""

from collections.abc import Mapping

import httpx
import pytest
from tests.conftest import Workplace
from tests.studio.traffic import Traffic

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database


@pytest.fixture
async def traffic(
    client: httpx.AsyncClient, db: Database, ids: Ids, workplace: Workplace, server_keys: ServerKeys
) -> Traffic:
    """An agent under an approved contract."""
    made = Traffic(client, db, ids, workplace)
    await made.begin(server_keys)
    return made


@pytest.fixture
def author(traffic: Traffic) -> Mapping[str, str]:
    """The headers of somebody who may write and look, but for the idempotency key."""
    key = traffic.desk.workplace.founder_key
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
