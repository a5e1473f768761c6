"""Looking up names, on threads of their own: a name server that hangs holds up no other work."""

import asyncio
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol
from uuid import UUID

from placet.webhooks.endpoints.rules import Address

THREADS: Final = 32
LOOK_UPS_PER_ASKER: Final = 2
BAD_SECONDS: Final = 15.0
BAD_MAX: Final = 1_000


class Resolve(Protocol):
    """What returns every address of a name, or none if it stands for nothing."""

    def __call__(self, host: str, asker: UUID | None = None) -> Awaitable[list[Address]]:
        """Look a name up. `asker` is the tenant for which it is asked."""
        ...


class LookUpsFull(Exception):  # noqa: N818 -- no fault of anybody: it is asked again later
    """As many names are looked up as can be, for this asker or for all."""


class SystemResolver:
    """The resolver of this machine.

    A question to it cannot be taken back, and a name server can let it hang. So one asker has two
    under way at most, calls at the same moment share the one about a name, and a name that hung or
    stood for nothing is not asked for again for 15 seconds.
    """

    def __init__(self, look_up: "Callable[[str], list[Address]] | None" = None) -> None:
        """Keep some threads. `look_up` asks the machine, and may block."""
        self._look_up = look_up or _look_up
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook-names")
        self._asked: dict[str, asyncio.Future[list[Address]]] = {}
        self._under_way: Counter[UUID | None] = Counter()
        self._bad: dict[str, float] = {}

    async def __call__(self, host: str, asker: UUID | None = None) -> list[Address]:
        """Return every address of a name, in the order of the answer, each once.

        Raises `LookUpsFull` if nothing could be asked.
        """
        loop = asyncio.get_running_loop()
        if self._bad.get(host, 0.0) > loop.time():
            return []
        if host not in self._asked:
            if len(self._asked) >= THREADS or self._under_way[asker] >= LOOK_UPS_PER_ASKER:
                raise LookUpsFull
            asked = loop.run_in_executor(self._threads, self._look_up, host)
            self._asked[host] = asked
            self._under_way[asker] += 1
            asked.add_done_callback(lambda _: self._end(host, asker))
        try:
            found = await asyncio.shield(self._asked[host])
        except asyncio.CancelledError:  # it took longer than a call may
            self._keep_bad(host, loop.time())
            raise
        if not found:
            self._keep_bad(host, loop.time())
        return found

    def _end(self, host: str, asker: UUID | None) -> None:
        del self._asked[host]
        self._under_way[asker] -= 1
        if not self._under_way[asker]:
            del self._under_way[asker]

    def _keep_bad(self, host: str, now: float) -> None:
        if len(self._bad) >= BAD_MAX:
            self._bad = {name: until for name, until in self._bad.items() if until > now}
        if len(self._bad) < BAD_MAX:
            self._bad[host] = now + BAD_SECONDS

    def close(self) -> None:
        """Let the threads go; a question under way ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(_address(str(place[0])) for *_, place in found))


def _address(text: str) -> Address:
    """Return an address without the name of the interface that may stand behind it."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return IPv6Address(int(address))
    return address
