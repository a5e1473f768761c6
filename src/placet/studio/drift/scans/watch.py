"""Scanning every workspace that is due, over all tenants."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database
from placet.storage.work import SCAN_DRIFT, WorkDue, finish_due, take_due
from placet.studio.drift.scans import material, service
from placet.studio.drift.scans.model import NothingToScan

BATCH: Final = 5
"""Workspaces that one round scans, one after the other: each is taken when its turn comes."""

TAKEN_SECONDS: Final = 300
PERIOD: Final = timedelta(hours=1)
_LOG: Final = logging.getLogger("placet.worker")


async def scan_due(db: Database, ids: Ids, clock: Clock) -> int:
    """Scan workspaces that are due, over all tenants, `BATCH` at most. Returns how many.

    May run on several nodes at once: what one has taken the others leave, and each call is counted
    in one scan whoever makes it.
    """
    for count in range(BATCH):
        # One at a time: none is held while another is scanned, nor comes back before its end.
        due = await take_due(db, SCAN_DRIFT, limit=1, lease_seconds=TAKEN_SECONDS)
        if not due:
            return count
        await _scan_one(db, due[0], ids, clock)
    return BATCH


async def _scan_one(db: Database, work: WorkDue, ids: Ids, clock: Clock) -> None:
    try:
        async with asyncio.timeout(TAKEN_SECONDS):
            await scan_work(db, work, ids, clock)
    except Exception:  # noqa: BLE001 -- one workspace's fault keeps no other waiting
        _LOG.exception("workspace %s was not scanned and comes round again", work.ref)


async def scan_work(db: Database, work: WorkDue, ids: Ids, clock: Clock) -> None:
    """Scan a workspace and say when it is due again: never, while nothing is in force.

    What lies behind is caught up with a day at a time. An approval asks for the next scan itself.
    """
    acting = acting_for(work.tenant_id)
    try:
        async with db.reading(acting) as tx:
            found = await material.read_material(tx, work.ref)
    except NothingToScan:
        async with db.writing(acting) as tx:
            await finish_due(tx, work)
        return
    ready = await material.prepare(found, clock, material.DUE)
    async with db.writing(acting) as tx:
        receipt = await service.scan_workspace(tx, ready, ids)
        await finish_due(tx, work, max(receipt.window_to + PERIOD, receipt.checked_at))
