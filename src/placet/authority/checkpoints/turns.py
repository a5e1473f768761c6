"""Whose log has its turn: one round each, over all tenants, and the checkpoint that it owes."""

import logging
from collections.abc import Collection
from typing import Final
from uuid import UUID

from placet.authority.checkpoints import rules, service, store
from placet.authority.checkpoints.service import acting_for
from placet.authority.server_keys import ServerKeys
from placet.evidence.log import service as log
from placet.evidence.log.model import NEWEST
from placet.kernel.ids import Ids, TenantId
from placet.kernel.value import Value
from placet.storage.database import Database

BATCH: Final = 16
REST_SECONDS: Final = 10
"""How long a log that did not go on for a fault is left alone."""

LATE_SECONDS: Final = 5
"""How often rows are looked for that were committed long after they were written."""

_LOG: Final = logging.getLogger("placet.worker")


class Turn(Value, frozen=True):
    """What came of a turn: whether the log went on, and whether it could at once go on further."""

    went_on: bool
    has_more: bool


NOTHING: Final = Turn(went_on=False, has_more=False)


class Turns:
    """Whose turn it was, and where was looked for what is late, as far as this process knows.

    Nothing of it is kept: several nodes may give turns at once, and each begins anew.
    """

    def __init__(self, db: Database, ids: Ids, keys: ServerKeys) -> None:
        """Begin with anybody."""
        self._db, self._ids, self._keys = db, ids, keys
        self._after = TenantId(UUID(int=0))
        self._resting: dict[TenantId, float] = {}
        self._stopped: Collection[TenantId] = ()
        self._late_at: float | None = None
        self._looks = 0

    async def go_round(self, now: float, stopped: Collection[TenantId] = ()) -> Turn:
        """Give tenants whose log has something to do one turn each, and then the next ones.

        However much waits for one tenant, the others wait no longer than one round of it. `now` is
        in seconds of a clock that only goes forward. Those who are `stopped` get no turn.
        """
        self._stopped = stopped
        due = await store.take_turns(self._db, self._after, limit=BATCH)
        turns = [await self._take(tenant_id, now) for tenant_id in due]
        if due:
            self._after = due[-1]
        if self._late_at is None or now >= self._late_at:
            turns += [] if self._late_at is None else await self._go_late(now)
            self._late_at = now + LATE_SECONDS
        went_on = any(turn.went_on for turn in turns)
        is_full = len(due) == BATCH or any(turn.has_more for turn in turns)
        # However many rest, nobody looks at them again at once.
        return Turn(went_on=went_on, has_more=went_on and is_full)

    async def _go_late(self, now: float) -> list[Turn]:
        """Look at one part of every log's time: at the newest, and at one of the others in turn."""
        self._looks += 1
        part = NEWEST if self._looks % 2 else self._looks // 2 - 1
        due = await store.take_turns(self._db, self._after, limit=BATCH, part=part)
        return [await self._take(tenant_id, now, part) for tenant_id in due]

    async def _take(self, tenant_id: TenantId, now: float, part: int | None = None) -> Turn:
        if tenant_id in self._stopped or self._resting.get(tenant_id, now) > now:
            return NOTHING
        self._resting.pop(tenant_id, None)
        try:
            return await take_turn(self._db, self._ids, self._keys, tenant_id, part)
        except Exception:  # noqa: BLE001 -- one tenant's fault keeps no other waiting
            _LOG.exception("the log of tenant %s did not go on and comes round again", tenant_id)
            self._resting[tenant_id] = now + REST_SECONDS
            return NOTHING


async def take_turn(
    db: Database, ids: Ids, keys: ServerKeys, tenant_id: TenantId, part: int | None = None
) -> Turn:
    """Do a round of a tenant's log, of a part of its time if one is given, and sign what is due.

    Nothing happens on a server that is not the one of the restore epoch, nor where somebody else
    is at it.
    """
    who = acting_for(tenant_id)
    async with db.reading(who) as tx:
        if not (await store.read_epoch(tx)).is_current:
            return NOTHING
    async with db.writing(who) as tx:
        done = await log.advance(tx, ids, part=part)
    if done is None:
        return NOTHING
    async with db.reading(who) as tx:
        seen = await service.look(tx)
    is_due = rules.is_due(seen.owed, seen.last, seen.at)
    if is_due:
        await service.sign(db, tenant_id, keys, ids)
    return Turn(went_on=is_due or not done.is_idle, has_more=done.is_full)
