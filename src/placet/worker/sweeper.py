"""The loop that finds overdue calls."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.replay.calls.runtime import Runtime
from placet.replay.calls.sweep import BATCH, sweep_due

PERIOD_SECONDS: Final = 5.0
_LOG: Final = logging.getLogger("placet.worker")


async def sweep_for_ever(runtime: Runtime, period_seconds: float = PERIOD_SECONDS) -> None:
    """Sweep what is due, wait, and sweep again, until cancelled.

    A database that is away delays the sweep and ends nothing: what is due stays due.
    """
    while True:
        try:
            swept = await sweep_due(runtime)
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("the sweep failed and comes round again")
            swept = 0
        if swept < BATCH:
            await asyncio.sleep(period_seconds)


async def sweeper(kept: Mapping[str, object]) -> None:
    """Run the sweep beside an application, given what it keeps."""
    runtime = kept[Runtime.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    await sweep_for_ever(runtime)
