"""The way into an application without a socket, for clients that do as real ones do when refused.

On a busy machine, or one that stood still for a moment, a service has no connection free when a
request comes, and says so: nothing was decided, and the same is to be sent again.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

import httpx
from litestar import Litestar

LATER: Final = 503
SECONDS_MAX: Final = 60.0
_BUSY: Final = "every database connection is busy; nothing was decided"

Said = dict[str, Any]


def is_busy(said: Said) -> bool:
    """Tell whether a problem says that no connection came free in time."""
    return said["code"] == "governance_unavailable" and str(said["detail"]).startswith(_BUSY)


class Patient(httpx.ASGITransport):
    """Sends the same again, its idempotency key too, until it is answered by more than that."""

    def __init__(self, app: Litestar, is_again: Callable[[Said], bool] = is_busy) -> None:
        """Lead into an application; a refusal to come later for which `is_again` says so is met."""
        super().__init__(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        self._is_again = is_again

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer that is not of that kind."""
        async with asyncio.timeout(SECONDS_MAX):
            while True:
                answered = await super().handle_async_request(request)
                if answered.status_code != LATER or not self._is_again(
                    json.loads(await answered.aread())
                ):
                    return answered
                # A refusal at the door waits for nothing, and would let nobody else come to it.
                await asyncio.sleep(0)
