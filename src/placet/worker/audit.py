"""The loop that keeps what auditors search up with the log."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.audit.search.indexing import index_due
from placet.replay.calls.runtime import Runtime
from placet.storage.database import Database

PERIOD_SECONDS: Final = 1.0
_LOG: Final = logging.getLogger("placet.worker")


async def index_for_ever(db: Database, period_seconds: float = PERIOD_SECONDS) -> None:
    """Follow the logs that have grown, wait, and look again, until cancelled.

    A database that is away delays the index, which says how far it is.
    """
    while True:
        try:
            followed = await index_due(db)
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("no log was followed; they come round again")
            followed = 0
        if followed == 0:
            await asyncio.sleep(period_seconds)


async def audit(kept: Mapping[str, object]) -> None:
    """Keep the index beside an application, given what it keeps."""
    runtime = kept[Runtime.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    await index_for_ever(runtime.db)
