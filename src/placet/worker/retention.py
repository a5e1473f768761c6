"""The loop that erases what is due: by age, and because somebody asked for their data to go.

It also forgets the answers that were kept for repeats which come no more.
"""

import asyncio
import itertools
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from placet.audit.retention.model import PRUNE_BODIES
from placet.audit.retention.service import prune
from placet.audit.subjects.model import ERASE_SUBJECT
from placet.audit.subjects.service import LOOKS_AGAIN_AFTER, carry_out
from placet.kernel.ids import Ids
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database
from placet.storage.idempotency import SWEEP_ANSWERS, SWEPT_AT_ONCE, sweep_answers
from placet.storage.work import WorkDue, finish_due, take_due

BATCH: Final = 4
"""Pieces of work that one round takes: each may take long."""

PERIOD_SECONDS: Final = 5.0
TAKEN_SECONDS: Final = 600
PRUNES_AGAIN_AFTER: Final = timedelta(minutes=10)
SWEEPS_AGAIN_AFTER: Final = timedelta(hours=6)
_LOG: Final = logging.getLogger("placet.worker")


async def erase_due(db: Database, ids: Ids) -> int:
    """Erase what is due, over all tenants. Returns how many pieces of work were taken.

    May run on several nodes at once: what is gone is not erased twice.
    """
    taken = [
        await take_due(db, kind, limit=BATCH, lease_seconds=TAKEN_SECONDS)
        for kind in (ERASE_SUBJECT, PRUNE_BODIES, SWEEP_ANSWERS)
    ]
    for work in itertools.chain(*taken):
        try:
            again = await _do(db, work, ids)
            async with db.writing(acting_for(work.tenant_id)) as tx:
                at = None if again is None else await tx.now() + again
                await finish_due(tx, work, at)
        except Exception:  # noqa: BLE001 -- one tenant's fault keeps no other waiting
            _LOG.exception("erasing for tenant %s failed and comes round again", work.tenant_id)
    return max(map(len, taken))


async def _do(db: Database, work: WorkDue, ids: Ids) -> timedelta | None:
    """Do a piece of work. Returns after how long to come back to it, or None for never."""
    who = acting_for(work.tenant_id)
    if work.kind == ERASE_SUBJECT:
        is_done = await carry_out(db, who, work.ref, ids)
        return None if is_done else LOOKS_AGAIN_AFTER
    if work.kind == SWEEP_ANSWERS:
        async with db.writing(who) as tx:
            is_over = await sweep_answers(tx) < SWEPT_AT_ONCE
        return SWEEPS_AGAIN_AFTER if is_over else timedelta(0)
    pruned = await prune(db, who, ids)
    return timedelta(0) if pruned.more else PRUNES_AGAIN_AFTER


async def erase_for_ever(db: Database, ids: Ids, period_seconds: float = PERIOD_SECONDS) -> None:
    """Erase what is due, wait, and look again, until cancelled.

    A database that is away delays this and ends nothing: what is due stays due.
    """
    while True:
        try:
            taken = await erase_due(db, ids)
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("what is due to be erased could not be taken and comes round again")
            taken = 0
        if taken < BATCH:
            await asyncio.sleep(period_seconds)


async def retention(kept: Mapping[str, object]) -> None:
    """Erase beside an application, given what it keeps."""
    runtime = kept[Runtime.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    await erase_for_ever(runtime.db, runtime.ids)
