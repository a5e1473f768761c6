"""Events that somebody was given, held to each other: in their order, none left out."""

from collections.abc import AsyncIterator
from typing import Final

from placet.events.model import GENESIS
from placet.replay.export.model import EventView

_FIRST: Final = GENESIS.hex()


class HistoryBroken(Exception):  # noqa: N818 -- what is told of a history, and no fault of ours
    """Events came out of order, one is missing, or one is not chained to the one before."""


async def unbroken(events: AsyncIterator[EventView], *, after: int = 0) -> AsyncIterator[EventView]:
    """Yield the events that follow `after`, each held to the one before it.

    Raises `HistoryBroken` at the first that does not follow. That nothing is missing at the end
    only the seal or a bundle tells.
    """
    prev = None if after else _FIRST
    async for event in events:
        if event.seq != after + 1:
            message = f"event {after + 1} is missing: {event.seq} came after {after}"
            raise HistoryBroken(message)
        if prev is not None and event.prev != prev:
            message = f"event {event.seq} does not follow the one before it"
            raise HistoryBroken(message)
        yield event
        after, prev = event.seq, event.leaf
