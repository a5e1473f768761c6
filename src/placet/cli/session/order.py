"""Events as they are printed: in their order, or the command says where they are not."""

from collections.abc import AsyncIterator

from placet.cli.exits import CommandRefused, Exit
from placet.replay.export.model import EventView
from placet.sdk.studio.history import HistoryBroken, unbroken


async def in_order(events: AsyncIterator[EventView], after: int) -> AsyncIterator[EventView]:
    """Yield events that follow each other. Raises `CommandRefused` at the first that does not."""
    try:
        async for event in unbroken(events, after=after):
            yield event
    except HistoryBroken as fault:
        raise CommandRefused(
            detail=str(fault),
            remedy="export the session and look at it with `placet verify`",
            code=Exit.FAILED,
        ) from fault
