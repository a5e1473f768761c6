"""A refund desk that people look at."""

import pytest
from tests.conftest import Workplace
from tests.replay.conftest import app, client, desk
from tests.replay.desk import Desk
from tests.studio.drift.scans.scanner import Scanner
from tests.studio.views.looking import Looking

from placet.kernel.ids import Ids
from placet.storage.database import Database

__all__ = ["app", "client", "desk"]


@pytest.fixture
async def scanner(db: Database, ids: Ids, workplace: Workplace, desk: Desk) -> Scanner:
    """Scans the desk's workspace."""
    return await Scanner.of(db, ids, workplace.founder, desk)


@pytest.fixture
async def looking(scanner: Scanner, desk: Desk) -> Looking:
    """Looks at the desk's workspace over HTTP."""
    return Looking(desk, scanner)
