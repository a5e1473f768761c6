"""Searching what happened."""

from collections.abc import AsyncIterator
from typing import Final

from placet.audit.search.model import AuditFilter, EventFound, EventsFound, SearchOrder
from placet.kernel.paging import PAGE_DEFAULT, PAGE_MAX
from placet.sdk.caller import query_of
from placet.sdk.studio.door import Door

_EVENTS: Final = "/audit/events"


class Audit:
    """Events of the tenant's log, by what they name."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def page(
        self,
        asked: AuditFilter,
        *,
        order: SearchOrder = SearchOrder.NEWEST,
        cursor: str | None = None,
        limit: int = PAGE_DEFAULT,
    ) -> EventsFound:
        """Return a page of a search. It may hold few events, or none, and still name a cursor."""
        query = _query(asked, order)
        return await self._door.get(_EVENTS, EventsFound, cursor=cursor, limit=limit, **query)

    async def every(
        self, asked: AuditFilter, *, order: SearchOrder = SearchOrder.NEWEST
    ) -> AsyncIterator[EventFound]:
        """Yield every event that a search finds."""
        cursor = None
        while True:
            page = await self.page(asked, order=order, cursor=cursor, limit=PAGE_MAX)
            for event in page.items:
                yield event
            cursor = page.next_cursor
            if cursor is None:
                return

    async def export(self, asked: AuditFilter, *, order: SearchOrder = SearchOrder.NEWEST) -> bytes:
        """Take away all that a search finds, as lines of JSON. That somebody did is an event."""
        return await self._door.get_bytes(f"{_EVENTS}/export{query_of(_query(asked, order))}")


def _query(asked: AuditFilter, order: SearchOrder) -> dict[str, str | None]:
    since, until = asked.since, asked.until
    return {
        **{field.value: value for field, value in asked.terms()},
        "from": None if since is None else since.isoformat(),
        "to": None if until is None else until.isoformat(),
        "order": order.value,
    }
