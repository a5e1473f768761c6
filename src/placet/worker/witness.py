"""The loop that writes checkpoints into a folder outside of the database."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from placet.authority.checkpoints import store
from placet.authority.checkpoints.model import Checkpoint, Kept, Newest
from placet.authority.checkpoints.service import acting_for
from placet.authority.checkpoints.witness import keep, newest_in
from placet.kernel.ids import TenantId
from placet.settings import Settings
from placet.storage.database import Database, Reading

PERIOD_SECONDS: Final = 2.0
PAGE: Final = 200
_LOG: Final = logging.getLogger("placet.worker")


class Pushing:
    """Which checkpoint of each tenant is in the folder, as far as this process knows."""

    def __init__(self, folder: Path) -> None:
        """Know of nothing yet: the files tell."""
        self._folder = folder
        self._kept: dict[TenantId, Kept | None] = {}

    async def push(self, db: Database) -> int:
        """Write what the folder does not have yet. Returns how many tenants had something new."""
        pushed = 0
        for newest in await store.list_newest(db):
            try:
                pushed += await self._push_one(db, newest)
            except Exception:  # noqa: BLE001 -- one tenant's fault keeps no other waiting
                _LOG.exception("no checkpoint of tenant %s was kept outside", newest.tenant_id)
                self._kept.pop(newest.tenant_id, None)
        return pushed

    async def _push_one(self, db: Database, newest: Newest) -> bool:
        tenant_id = newest.tenant_id
        if tenant_id not in self._kept:
            self._kept[tenant_id] = await asyncio.to_thread(newest_in, self._folder, tenant_id)
        kept = self._kept[tenant_id]
        after = (kept.epoch, kept.size) if kept else (0, -1)
        if after >= (newest.epoch, newest.size):
            return False
        async with db.reading(acting_for(tenant_id)) as tx:
            found = await store.list_since(tx, after, PAGE)
            if not await _follows(tx, kept, found):
                _LOG.error(
                    "the database lacks the last checkpoint that %s holds of tenant %s:"
                    " nothing is added to it",
                    self._folder,
                    tenant_id,
                )
                return False
        # Race: another process may have added to the file since; then nothing is added here, and
        # what it added is held against the database in the next round.
        self._kept[tenant_id] = await asyncio.to_thread(keep, self._folder, tenant_id, kept, found)
        return True


async def _follows(tx: Reading, kept: Kept | None, found: Sequence[Checkpoint]) -> bool:
    """Tell whether what would be added comes behind what is there, in one history.

    A database that is an older copy of itself has signed something else since. In a later epoch it
    may have: somebody looked at that, and raised the epoch.
    """
    if kept is None or not found or found[0].epoch > kept.epoch:
        return True
    return await store.has_kept(tx, kept)


async def push_for_ever(db: Database, folder: Path, period_seconds: float = PERIOD_SECONDS) -> None:
    """Write what is new, wait, and look again, until cancelled.

    A folder or a database that is away delays this and loses nothing: checkpoints stay in the
    database, and what is in the folder says where to go on.
    """
    pushing = Pushing(folder)
    while True:
        try:
            pushed = await pushing.push(db)
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("no checkpoints were kept outside; they come round again")
            pushed = 0
        if pushed == 0:
            await asyncio.sleep(period_seconds)


async def witness(kept: Mapping[str, object]) -> None:
    """Keep checkpoints outside, beside an application that was told where."""
    db, settings = kept[Database.__name__], kept[Settings.__name__]
    assert isinstance(db, Database)  # noqa: S101 -- narrows the type; the server put it there
    assert isinstance(settings, Settings)  # noqa: S101 -- the same
    if settings.witness_dir is not None:
        await push_for_ever(db, settings.witness_dir)
