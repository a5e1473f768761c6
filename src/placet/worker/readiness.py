"""The loop that finds plans of which enough was learned."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

from placet.replay.calls.runtime import Runtime
from placet.settings import Settings
from placet.studio.readiness.model import Thresholds
from placet.studio.readiness.service import BATCH, judge_due

PERIOD_SECONDS: Final = 5.0
_LOG: Final = logging.getLogger("placet.worker")


async def judge_for_ever(
    runtime: Runtime, asked: Thresholds, period_seconds: float = PERIOD_SECONDS
) -> None:
    """Judge what is due, wait, and judge again, until cancelled.

    A database that is away delays this and ends nothing: what is due stays due.
    """
    while True:
        try:
            met = await judge_due(runtime.db, asked, runtime.ids)
        except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
            _LOG.exception("readiness was not judged and comes round again")
            met = 0
        if met < BATCH:
            await asyncio.sleep(period_seconds)


async def readiness(kept: Mapping[str, object]) -> None:
    """Judge beside an application, given what it keeps."""
    runtime, settings = kept[Runtime.__name__], kept[Settings.__name__]
    assert isinstance(runtime, Runtime)  # noqa: S101 -- narrows the type; the server put it there
    assert isinstance(settings, Settings)  # noqa: S101 -- the same
    asked = Thresholds(
        calls_min=settings.ready_calls_min, confidence_percent=settings.ready_confidence_percent
    )
    await judge_for_ever(runtime, asked)
