"""How bytes reach the service. Nothing here knows what they mean."""

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from placet.kernel.value import Value

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS: Final = 3.0


class HttpRequest(Value, frozen=True):
    """One request. `path` begins with `/` and may hold a query; the time-out is for the whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None = None
    timeout_seconds: float

    def __repr__(self) -> str:
        """Show what is asked, and no header: one of them holds the key."""
        return f"HttpRequest({self.method} {self.path}, {len(self.body or b'')} bytes)"


class HttpResponse(Value, frozen=True):
    """One response. The names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Show status and size."""
        return f"HttpResponse({self.status}, {len(self.body)} bytes)"


class TransportError(Exception):
    """There was no answer. Whether the request was carried out is unknown."""


class Transport(Protocol):
    """Three methods, so that another HTTP library is one small class."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Return the response. Raises `TransportError` where there is none in time."""
        ...

    def another(self) -> "Transport":
        """Return one like this, for use from another thread with an event loop of its own."""
        ...

    async def close(self) -> None:
        """Give all connections back. Closing twice does nothing."""
        ...


class HttpxTransport:
    """HTTP by httpx. One instance serves one event loop, and keeps its connections open."""

    def __init__(self, url: str) -> None:
        """Take the address of the service, such as `http://127.0.0.1:8620`."""
        self._url = url.rstrip("/")
        self._client: httpx.AsyncClient | None = None

    def __repr__(self) -> str:
        """Show the address."""
        return f"HttpxTransport({self._url!r})"

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Return the response; redirects are not followed, since the key would go with them."""
        # httpx takes a third of a second to import: paid by whoever sends, not by the importer.
        import httpx  # noqa: PLC0415 -- see above

        if self._client is None:
            self._client = httpx.AsyncClient(base_url=self._url, follow_redirects=False)
        # httpx bounds each read; a body that trickles in would never end.
        timeout = httpx.Timeout(request.timeout_seconds, connect=CONNECT_SECONDS)
        try:
            async with asyncio.timeout(request.timeout_seconds):
                answer = await self._client.request(
                    request.method,
                    request.path,
                    headers=request.headers,
                    content=request.body,
                    timeout=timeout,
                )
        except (httpx.HTTPError, TimeoutError) as fault:
            message = f"no answer from {self._url}: {type(fault).__name__} {fault}".rstrip()
            raise TransportError(message) from fault
        return HttpResponse(
            status=answer.status_code, headers=dict(answer.headers), body=answer.content
        )

    def another(self) -> "HttpxTransport":
        """Return one to the same address, with connections of its own."""
        return HttpxTransport(self._url)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
