"""Writing down that activations lapsed, ran out, or ended with their approvals.

The clock and the controls decide wherever it matters; here it is only written down.
"""

import logging
from typing import Final

from placet.kernel.ids import Ids
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database, Writing
from placet.storage.work import END_ACTIVATION, WorkDue, finish_due, take_due
from placet.studio.break_glass import judging, service, store
from placet.studio.break_glass.model import ActivationStatus

BATCH: Final = 100
TAKEN_SECONDS: Final = 30
_LOG: Final = logging.getLogger("placet.worker")


async def watch_activations(db: Database, ids: Ids) -> int:
    """Look at every activation that is due, over all tenants. Returns how many there were.

    May run on several nodes at once: what one has said the others do not say again.
    """
    due = await take_due(db, END_ACTIVATION, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    for work in due:
        try:
            async with db.writing(acting_for(work.tenant_id)) as tx:
                await watch_activation(tx, work, ids)
        except Exception:  # noqa: BLE001 -- one activation's fault keeps no other waiting
            _LOG.exception("activation %s was not looked at and comes round again", work.ref)
    return len(due)


async def watch_activation(tx: Writing, work: WorkDue, ids: Ids) -> None:
    """Write down what an activation counts for by now; say when to look again."""
    activation = await store.lock_activation(tx, work.ref)
    (now,) = await judging.as_they_count(tx, [activation])
    if now.status is not activation.status:
        await store.advance_activation(tx, now, activation.status)
        await finish_due(tx, work)
        await service.tell(tx, now, service.ended_of(now), [], ids)
        return
    again = {
        ActivationStatus.OPEN: activation.lapses_at,
        ActivationStatus.ACTIVE: activation.ends_at,
    }
    await finish_due(tx, work, again.get(activation.status))
