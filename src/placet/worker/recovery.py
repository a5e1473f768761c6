"""The loop that holds the database against what was kept of it outside."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.authority.recovery.watch import RecoveryWatch
from placet.replay.calls.runtime import Runtime

PERIOD_SECONDS: Final = 5.0
_LOG: Final = logging.getLogger("placet.worker")


async def recovery(kept: Mapping[str, object], period_seconds: float = PERIOD_SECONDS) -> None:
    """Look, wait, and look again, until cancelled.

    A database that is away delays this and changes nothing: nothing is granted then.
    """
    runtime, watch = kept[Runtime.__name__], kept[RecoveryWatch.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    assert isinstance(watch, RecoveryWatch)  # noqa: S101 -- as above
    while True:
        await asyncio.sleep(period_seconds)
        try:
            await watch.look(runtime.db)
        except Exception:  # noqa: BLE001 -- a fault here must not end it
            _LOG.exception("the witness was not looked at and is looked at again")
