"""How every noun of the studio asks the service."""

from collections.abc import AsyncIterator
from typing import Final, TypeVar

import msgspec

from placet.kernel.paging import PAGE_DEFAULT, PAGE_MAX, Page
from placet.sdk.caller import Ask, Caller, query_of, read
from placet.sdk.endpoints import IDEMPOTENCY_KEY
from placet.sdk.retry import Patience

T = TypeVar("T")

PEOPLES_PATIENCE: Final = Patience(total=60.0, attempt=30.0)
"""Somebody looks at a screen, and a source of 5 MiB may be on its way."""


class Door:
    """One caller and how long it tries. Paths stand below `/api/v1`."""

    def __init__(self, caller: Caller, patience: Patience = PEOPLES_PATIENCE) -> None:
        """Take the caller, and how long each request is tried."""
        self.caller = caller
        self._patience = patience

    def __repr__(self) -> str:
        """Show the caller."""
        return f"Door({self.caller!r})"

    async def get(self, path: str, into: type[T], **query: str | int | None) -> T:
        """Return what stands at a path. Raises the service's refusals."""
        ask = Ask(method="GET", path=path + query_of(query))
        return await self.caller.ask(ask, into, self._patience)

    async def get_bytes(self, path: str) -> bytes:
        """Return what stands at a path as it is."""
        heard = await self.caller.hear(Ask(method="GET", path=path), self._patience)
        return heard.response.body

    async def page(
        self,
        path: str,
        into: type[Page[T]],
        *,
        cursor: str | None = None,
        limit: int = PAGE_DEFAULT,
        **query: str | int | None,
    ) -> Page[T]:
        """Return one page of a list: up to `limit` items, at most 200."""
        return await self.get(path, into, cursor=cursor, limit=limit, **query)

    async def every(
        self, path: str, into: type[Page[T]], **query: str | int | None
    ) -> AsyncIterator[T]:
        """Yield every item of a list, a full page at a time."""
        cursor = None
        while True:
            page = await self.page(path, into, cursor=cursor, limit=PAGE_MAX, **query)
            for item in page.items:
                yield item
            cursor = page.next_cursor
            if cursor is None:
                return

    async def post(
        self, path: str, into: type[T], body: object = None, *, key: str | None = None
    ) -> T:
        """Change something and return the answer.

        `body` is a Struct, or none where the route takes no body. `key` is the idempotency key; a
        fresh one is made where none is given.
        """
        heard = await self.caller.hear(self._change("POST", path, body, key), self._patience)
        return read(heard, into)

    async def delete(self, path: str, into: type[T], *, key: str | None = None) -> T:
        """End something and return the answer; `key` is as in `post`."""
        heard = await self.caller.hear(self._change("DELETE", path, None, key), self._patience)
        return read(heard, into)

    def _change(self, method: str, path: str, body: object, key: str | None) -> Ask:
        return Ask(
            method=method,
            path=path,
            body=None if body is None else msgspec.Raw(msgspec.json.encode(body)),
            headers={IDEMPOTENCY_KEY: key or str(self.caller.ids.new())},
        )
