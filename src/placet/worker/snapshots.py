"""The loop that takes snapshots of long sessions."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.replay.calls.runtime import Runtime
from placet.replay.snapshots.taking import BATCH, take_snapshots
from placet.storage.database import Database

PERIOD_SECONDS: Final = 15.0
_LOG: Final = logging.getLogger("placet.worker")


async def take_for_ever(db: Database, period_seconds: float = PERIOD_SECONDS) -> None:
    """Take the snapshots that are due, wait, and look again, until cancelled.

    A database that is away delays them, and nothing waits for one.
    """
    while True:
        try:
            taken = await take_snapshots(db)
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("no snapshots were taken; they come round again")
            taken = 0
        if taken < BATCH:
            await asyncio.sleep(period_seconds)


async def snapshots(kept: Mapping[str, object]) -> None:
    """Take snapshots beside an application, given what it keeps."""
    runtime = kept[Runtime.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    await take_for_ever(runtime.db)
