"""A store of events in a tenant of its own."""

import pytest
from tests.events.kept import Store

from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.storage.database import Database


@pytest.fixture
def store(db: Database, tenant: Principal, ids: Ids) -> Store:
    return Store(db, tenant, ids)
