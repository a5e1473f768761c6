"""What was asked to be erased."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from placet.audit.subjects.model import EraseSubject, RequestShown
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door

_PATH: Final = "/audit/erasures"


class Erasures:
    """Requests that a person's data go, and what came of them."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def ask(self, asked: EraseSubject, *, key: str | None = None) -> RequestShown:
        """Ask that what closed streams say of a person go; a worker does it next.

        The salt by which its hash can be proved is in this answer, and in none to a repeat.
        """
        return await self._door.post(_PATH, RequestShown, asked, key=key)

    async def get(self, request_id: UUID) -> RequestShown:
        """Return a request with what came of it so far."""
        return await self._door.get(path_of(f"{_PATH}/{{id}}", id=request_id), RequestShown)

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[RequestShown]:
        """Return one page of requests, the newest first."""
        return await self._door.page(_PATH, Page[RequestShown], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[RequestShown]:
        """Yield every request, the newest first."""
        return self._door.every(_PATH, Page[RequestShown])
