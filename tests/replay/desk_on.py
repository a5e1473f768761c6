"""A refund desk on an application of a test's own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
from litestar import Litestar
from tests.conftest import found
from tests.patient import Patient
from tests.replay.desk import Desk

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.storage.database import Database

D = TypeVar("D", bound=Desk)


@asynccontextmanager
async def desk_on(app: Litestar, ids: Ids, kind: type[D]) -> AsyncIterator[D]:
    """Yield a desk of this kind with an approved contract, in a tenant of its own."""
    transport = Patient(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as client:
        db = app.state[Database.__name__]
        made = kind(client, db, ids, await found(db, ids))
        await made.approve(app.state[ServerKeys.__name__])
        yield made
