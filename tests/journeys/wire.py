"""A line that keeps what went over it, for tests that look at every word."""

from typing import Any

import msgspec

from placet.sdk.transport import HttpRequest, HttpResponse, HttpxTransport


class Wire:
    """A transport that keeps every request with its answer. Others of it keep them here too."""

    def __init__(
        self, url: str, kept: "list[tuple[HttpRequest, HttpResponse]] | None" = None
    ) -> None:
        """Lead to the service by a real connection."""
        self._url = url
        self._inner = HttpxTransport(url)
        self.kept = [] if kept is None else kept

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send, and keep both."""
        response = await self._inner.send(request)
        self.kept.append((request, response))
        return response

    def another(self) -> "Wire":
        """Return another line that keeps in the same place."""
        return Wire(self._url, self.kept)

    async def close(self) -> None:
        """Close the connection."""
        await self._inner.close()

    def pairs(self, ending: str) -> list[tuple[Any, Any]]:
        """Return what was asked and answered, as JSON, where the path has this ending."""
        return [
            (_read(request.body), _read(response.body))
            for request, response in self.kept
            if request.path.split("?")[0].endswith(ending)
        ]

    def posts(self) -> list[str]:
        """Return the last parts of the paths that were posted to, leases and reports aside."""
        ends = [
            request.path.split("?")[0].rpartition("/")[2]
            for request, _ in self.kept
            if request.method == "POST"
        ]
        return [end for end in ends if end not in {"lease", "attachments"}]


def _read(body: bytes | None) -> Any:  # noqa: ANN401 -- whatever JSON it is
    return None if not body else msgspec.json.decode(body)
