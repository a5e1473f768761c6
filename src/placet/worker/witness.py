"""The loop that writes checkpoints into a folder outside of the database."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from placet.authority.checkpoints import store
from placet.authority.checkpoints.model import Checkpoint, Kept, Newest
from placet.authority.checkpoints.service import acting_for
from placet.authority.checkpoints.witness import keep, newest_in
from placet.authority.recovery.beside import in_thread
from placet.kernel.ids import TenantId
from placet.settings import Settings
from placet.storage.database import Database, Reading

PERIOD_SECONDS: Final = 2.0
PAGE: Final = 200
PATIENCE_SECONDS: Final = 10.0
"""How long one file is waited for, which may be on a volume that does not answer."""
_LOG: Final = logging.getLogger("placet.worker")


class NothingKept(Exception):  # noqa: N818 -- says what is so
    """Nothing is added to a tenant's file, for the reason given."""


class FolderHangs(NothingKept):
    """Nothing is added to any: the folder may be on a volume that is away."""


class Pushing:
    """Which checkpoint of each tenant is in the folder, as far as this process knows."""

    def __init__(self, folder: Path, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Know of nothing yet: the files tell."""
        self._folder = folder
        self._patience_seconds = patience_seconds
        self._kept: dict[TenantId, Kept | None] = {}
        self._going: asyncio.Future[Kept | None] | None = None
        self._faults: dict[TenantId | None, str] = {}

    async def push(self, db: Database) -> int:
        """Write what the folder does not have yet. Returns how many tenants had something new.

        What keeps something from being written is logged once, and is tried again all the same.
        """
        pushed = 0
        faults: dict[TenantId | None, str] = {}
        for newest in await store.list_newest(db):
            try:
                pushed += await self._push_one(db, newest)
            except FolderHangs as fault:
                # What becomes of the work that hangs, the file will tell.
                self._kept.pop(newest.tenant_id, None)
                faults = {**self._faults, None: str(fault)}
                break
            except Exception as fault:  # noqa: BLE001 -- one tenant's fault keeps no other waiting
                self._kept.pop(newest.tenant_id, None)
                faults[newest.tenant_id] = str(fault) or type(fault).__name__
        for whose, told in faults.items():
            if self._faults.get(whose) != told:
                named = "any tenant" if whose is None else f"tenant {whose}"
                _LOG.error("no checkpoint of %s is kept outside: %s", named, told)
        self._faults = faults
        return pushed

    async def _push_one(self, db: Database, newest: Newest) -> bool:
        tenant_id = newest.tenant_id
        if tenant_id not in self._kept:
            self._kept[tenant_id] = await self._beside(lambda: newest_in(self._folder, tenant_id))
        kept = self._kept[tenant_id]
        after = (kept.epoch, kept.size) if kept else (0, -1)
        if after >= (newest.epoch, newest.size):
            return False
        async with db.reading(acting_for(tenant_id)) as tx:
            found = await store.list_since(tx, after, PAGE)
            if not await _follows(tx, kept, found):
                message = f"the database lacks the last one that {self._folder} holds"
                raise NothingKept(message)
        # Race: another process may have added to the file since; then nothing is added here, and
        # what it added is held against the database in the next round.
        self._kept[tenant_id] = await self._beside(
            lambda: keep(self._folder, tenant_id, kept, found)
        )
        return True

    async def _beside(self, work: Callable[[], Kept | None]) -> Kept | None:
        """Do what may hang where nobody has to wait for it, not even the end of the process.

        Work that hangs keeps its thread: no other is sent after it.
        """
        if self._going is None or self._going.done():
            self._going = in_thread(work)
            await asyncio.wait({self._going}, timeout=self._patience_seconds)
            if self._going.done():
                return self._going.result()
        message = f"{self._folder} does not answer"
        raise FolderHangs(message)


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
