"""The loop that follows what agents do beside what a candidate would have said."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.replay.calls.runtime import Runtime
from placet.studio.shadow.following import BATCH, Follower

PERIOD_SECONDS: Final = 5.0
_LOG: Final = logging.getLogger("placet.worker")


async def follow_for_ever(follower: Follower, period_seconds: float = PERIOD_SECONDS) -> None:
    """Follow what is due, wait, and follow again, until cancelled.

    A database that is away delays the counts and loses none.
    """
    while True:
        try:
            followed = await follower.follow_due()
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("no shadow was followed; they come round again")
            followed = 0
        if followed < BATCH:
            await asyncio.sleep(period_seconds)


async def shadows(kept: Mapping[str, object]) -> None:
    """Follow shadows beside an application, given what it keeps."""
    runtime = kept[Runtime.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    await follow_for_ever(Follower(runtime.db, runtime.ids, runtime.clock))
