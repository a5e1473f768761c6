"""Whose log has its turn: one round each, over all tenants, and the checkpoint that it owes."""

import logging
from typing import Final

from placet.authority.checkpoints import rules, service, store
from placet.authority.checkpoints.service import acting_for
from placet.authority.server_keys import ServerKeys
from placet.evidence.log import service as log
from placet.kernel.ids import Ids, TenantId
from placet.storage.database import Database
from placet.storage.work import WorkDue, finish_due

BATCH: Final = 16
TAKEN_SECONDS: Final = 10
_LOG: Final = logging.getLogger("placet.worker")


async def log_due(db: Database, ids: Ids, keys: ServerKeys) -> int:
    """Give every tenant whose log has something to do one turn, the longest waiting first.

    However much waits for one tenant, the others wait no longer than one round of it. Returns how
    many logs went on. May run on several nodes at once.
    """
    due = await store.take_turns(db, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    went_on = 0
    for work in due:
        try:
            went_on += await take_turn(db, ids, keys, work.tenant_id)
            await _end_turn(db, work)
        except Exception:  # noqa: BLE001 -- one tenant's fault keeps no other waiting
            _LOG.exception("the log of tenant %s did not go on and comes round again", work.ref)
    return went_on


async def take_turn(db: Database, ids: Ids, keys: ServerKeys, tenant_id: TenantId) -> bool:
    """Do a round of a tenant's log, and sign a checkpoint if one is due. Tells if it went on.

    Nothing happens on a server that is not the one of the restore epoch.
    """
    who = acting_for(tenant_id)
    async with db.reading(who) as tx:
        if not (await store.read_epoch(tx)).is_current:
            return False
    async with db.writing(who) as tx:
        done = await log.advance(tx, ids)
    async with db.reading(who) as tx:
        seen = await service.look(tx)
    is_due = rules.is_due(seen.owed, seen.last, seen.at)
    if is_due:
        await service.sign(db, tenant_id, keys, ids)
    return is_due or (done is not None and not done.is_idle)


async def _end_turn(db: Database, work: WorkDue) -> None:
    async with db.writing(acting_for(work.tenant_id)) as tx:
        await finish_due(tx, work, await tx.now())
