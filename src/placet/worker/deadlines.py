"""The loop that closes requests for approval whose deadline has passed."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.replay.calls.runtime import Runtime
from placet.studio.requests.deadlines import BATCH, close_overdue

PERIOD_SECONDS: Final = 10.0
_LOG: Final = logging.getLogger("placet.worker")


async def deadlines(kept: Mapping[str, object], period_seconds: float = PERIOD_SECONDS) -> None:
    """Close what is overdue, wait, and look again, until cancelled.

    A database that is away delays this and ends nothing: what is due stays due.
    """
    runtime = kept[Runtime.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    while True:
        try:
            closed = await close_overdue(runtime.db, runtime.ids)
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("closing overdue requests failed and comes round again")
            closed = 0
        if closed < BATCH:
            await asyncio.sleep(period_seconds)
