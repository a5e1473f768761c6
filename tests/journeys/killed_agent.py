"""An agent in a process of its own, which kills itself with SIGKILL at one point of a call.

Arguments: the service's address, the folder of the journal, the file that the tool's effects are
written to, the tool, and the point. The API key stands in the environment.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from placet.replay.sessions.model import SessionMode
from placet.sdk.client import Client
from placet.sdk.govern import governed
from placet.sdk.transport import HttpRequest, HttpResponse, HttpxTransport


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def happen(effects: Path, order_id: str) -> None:
    with effects.open("a") as file:
        file.write(f"{order_id}\n")


class Deadly(HttpxTransport):
    """A line on which the process dies, before a request to a path goes out or after its answer."""

    point = ""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send, unless this is where the process dies."""
        ending = request.path.rpartition("/")[2]
        if self.point == f"before {ending}":
            die()
        response = await super().send(request)
        if self.point == f"after {ending}":
            die()
        return response


async def main(url: str, folder: str, effects: str, tool: str, point: str) -> None:
    Deadly.point = point

    def work(order_id: str) -> dict[str, str]:
        if point == "in the tool":
            die()
        happen(Path(effects), order_id)
        if point == "after the effect":
            die()
        return {"done": order_id}

    @governed
    async def issue_refund(order_id: str, amount_cents: int) -> dict[str, str]:
        return work(order_id) | {"amount": str(amount_cents)}

    @governed
    def lookup_order(order_id: str) -> dict[str, str]:
        return work(order_id)

    async with (
        Client(url, os.environ["PLACET_API_KEY"], transport=Deadly(url), reports=False) as client,
        client.session(mode=SessionMode.ENFORCE, journal=folder),
    ):
        if tool == "issue_refund":
            await issue_refund(order_id="ord_1", amount_cents=7)
        else:
            await lookup_order(order_id="ord_1")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
