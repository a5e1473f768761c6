"""The loop that puts events into the transparency log, and signs its checkpoints."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.authority.checkpoints.turns import NOTHING, Turns
from placet.authority.recovery.model import Recovering
from placet.authority.recovery.watch import RecoveryWatch
from placet.replay.calls.runtime import Runtime

PERIOD_SECONDS: Final = 1.0
REST: Final = 10
"""A look at many tenants takes its time; so many times as long passes before the next one."""

_LOG: Final = logging.getLogger("placet.worker")


async def log_for_ever(
    runtime: Runtime, watch: RecoveryWatch, period_seconds: float = PERIOD_SECONDS
) -> None:
    """Give logs their turns, wait when none is left with more to do, look again, until cancelled.

    A database that is away delays the log and loses nothing of it: what waits, waits in the
    database. One that is not what was witnessed has its log left as it is.
    """
    clock = asyncio.get_running_loop()
    turns = Turns(runtime.db, runtime.ids, runtime.keys)
    while True:
        began = clock.time()
        try:
            watch.check()
            done = await turns.go_round(began, watch.stopped)
        except Recovering:
            done = NOTHING
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("no log went on; they come round again")
            done = NOTHING
        if not done.has_more:
            took = 0.0 if done.went_on else clock.time() - began
            await asyncio.sleep(max(period_seconds, REST * took))


async def log(kept: Mapping[str, object]) -> None:
    """Keep the log beside an application, given what it keeps."""
    runtime, watch = kept[Runtime.__name__], kept[RecoveryWatch.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    assert isinstance(watch, RecoveryWatch)  # noqa: S101 -- the same
    await log_for_ever(runtime, watch)
