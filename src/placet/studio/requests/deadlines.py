"""Writing down that the deadlines of open requests have passed.

Nothing waits for this: a request counts as expired from its deadline on, whoever looks. It is
written down so that everybody who follows the events learns of it.
"""

import logging
from typing import Final

from placet.kernel.ids import Ids
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database
from placet.storage.work import CLOSE_REQUEST, WorkDue, finish_due, take_due
from placet.studio.requests import service

BATCH: Final = 100
TAKEN_SECONDS: Final = 30
_LOG: Final = logging.getLogger("placet.worker")


async def close_overdue(db: Database, ids: Ids) -> int:
    """Close every open request whose deadline has passed, over all tenants.

    Returns how many were due. May run on several nodes at once: what one has taken the others
    leave, and each request is closed once, by whoever holds it first.
    """
    due = await take_due(db, CLOSE_REQUEST, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    for work in due:
        try:
            await close_one(db, work, ids)
        except Exception:  # noqa: BLE001 -- one request's fault keeps no other waiting
            _LOG.exception("request %s was not closed and comes round again", work.ref)
    return len(due)


async def close_one(db: Database, work: WorkDue, ids: Ids) -> None:
    """Close the request of a piece of work, unless it was closed before, and finish the work."""
    async with db.writing(acting_for(work.tenant_id)) as tx:
        await finish_due(tx, work, await service.expire_request(tx, work.ref, ids))
