"""The loop that compares what agents do with what was approved."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.replay.calls.runtime import Runtime
from placet.studio.drift.scans.watch import BATCH, scan_due

PERIOD_SECONDS: Final = 15.0
_LOG: Final = logging.getLogger("placet.worker")


async def drift(kept: Mapping[str, object], period_seconds: float = PERIOD_SECONDS) -> None:
    """Scan what is due, wait, and look again, until cancelled.

    A database that is away delays the scans and loses none: what is due stays due.
    """
    runtime = kept[Runtime.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    while True:
        try:
            scanned = await scan_due(runtime.db, runtime.ids, runtime.clock)
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("the scan for drift failed and comes round again")
            scanned = 0
        if scanned < BATCH:
            await asyncio.sleep(period_seconds)
