"""The loop that writes down how approvals, activations and sessions ended."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.endings import BATCH, end_due
from placet.replay.sessions.expiry import expire_due
from placet.studio.break_glass.watch import watch_activations
from placet.studio.endings.watch import watch_due

PERIOD_SECONDS: Final = 5.0
_LOG: Final = logging.getLogger("placet.worker")


async def write_endings_for_ever(runtime: Runtime, period_seconds: float = PERIOD_SECONDS) -> None:
    """Write down what is due, wait, and look again, until cancelled.

    A database that is away delays this and nothing else: what ended grants nothing meanwhile.
    """
    while True:
        try:
            met = await watch_due(runtime.db, runtime.ids)
            met = max(met, await watch_activations(runtime.db, runtime.ids))
            met = max(met, await end_due(runtime.db, runtime.ids))
            met = max(met, await expire_due(runtime.db, runtime.policies, runtime.ids))
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("endings were not written down and come round again")
            met = 0
        if met < BATCH:
            await asyncio.sleep(period_seconds)


async def endings(kept: Mapping[str, object]) -> None:
    """Write endings down beside an application, given what it keeps."""
    runtime = kept[Runtime.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    await write_endings_for_ever(runtime)
