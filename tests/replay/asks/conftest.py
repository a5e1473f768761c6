"""A desk whose contract asks people."""

import httpx
import pytest
from litestar import Litestar
from tests.conftest import Workplace
from tests.replay.asks.people import AskDesk, asking

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database


@pytest.fixture
async def desk(
    client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids, workplace: Workplace
) -> AskDesk:
    """A desk where every ask is answered by itself."""
    made = AskDesk(client, db, ids, workplace)
    await made.approve_asking(app.state[ServerKeys.__name__], asking())
    return made


@pytest.fixture
async def whole_desk(
    client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids, workplace: Workplace
) -> AskDesk:
    """A desk where a response is granted as a whole or not at all."""
    made = AskDesk(client, db, ids, workplace)
    await made.approve_asking(app.state[ServerKeys.__name__], asking("reject_all"))
    return made


@pytest.fixture
async def short_desk(
    client: httpx.AsyncClient, app: Litestar, db: Database, ids: Ids, workplace: Workplace
) -> AskDesk:
    """A desk where a session has one response, and no more."""
    made = AskDesk(client, db, ids, workplace)
    document = asking()
    document["session"]["limits"] = {"max_steps": 1}
    await made.approve_asking(app.state[ServerKeys.__name__], document)
    return made
