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
SLOW_THREADS: Final = 8
BAD_SECONDS: Final = 15.0
SLOW_SECONDS: Final = 300.0
MARKED_MAX: Final = 1_000


class Resolve(Protocol):
    """What returns every address of a name, or none if it stands for nothing."""

    def __call__(self, host: str, asker: UUID | None = None) -> Awaitable[list[Address]]:
        """Look a name up. `asker` is the tenant for which it is asked."""
        ...


class LookUpsFull(Exception):  # noqa: N818 -- no fault of anybody: it is asked again later
    """As many names are looked up as can be, for this asker or for all."""


class Marks:
    """What is so for a while: names that were of no use, or who asked for them."""

    def __init__(self, seconds: float) -> None:
        """Begin with nothing; each mark lasts so many seconds."""
        self._seconds = seconds
        self._until: dict[object, float] = {}

    def put(self, what: object, now: float) -> None:
        """Mark something from now on. Of too much at once, what comes last is not marked."""
        if len(self._until) >= MARKED_MAX:
            self._until = {each: until for each, until in self._until.items() if until > now}
        if len(self._until) < MARKED_MAX or what in self._until:
            self._until[what] = now + self._seconds

    def holds(self, what: object, now: float) -> bool:
        """Tell whether something is marked now."""
        return self._until.get(what, now) > now


class SystemResolver:
    """The resolver of this machine.

    A question to it cannot be taken back, and a name server can let it hang. So

    - calls at the same moment share the one question about a name, and a name that hung or stood
      for nothing is not asked for again for 15 seconds;
    - one asker has two under way at most, and one where half of the threads are taken;
    - askers whom a name let hang within five minutes have eight threads together: however many
      they are, the others keep the rest.
    """

    def __init__(self, look_up: "Callable[[str], list[Address]] | None" = None) -> None:
        """Keep some threads. `look_up` asks the machine, and may block."""
        self._look_up = look_up or _look_up
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook-names")
        self._asked: dict[str, asyncio.Future[list[Address]]] = {}
        self._under_way: Counter[UUID | None] = Counter()
        self._bad = Marks(BAD_SECONDS)
        self._slow = Marks(SLOW_SECONDS)

    async def __call__(self, host: str, asker: UUID | None = None) -> list[Address]:
        """Return every address of a name, in the order of the answer, each once.

        Raises `LookUpsFull` if nothing could be asked.
        """
        loop = asyncio.get_running_loop()
        if self._bad.holds(host, loop.time()):
            return []
        if host not in self._asked:
            if not self._has_room(asker, loop.time()):
                raise LookUpsFull
            asked = loop.run_in_executor(self._threads, self._look_up, host)
            self._asked[host] = asked
            self._under_way[asker] += 1
            asked.add_done_callback(lambda _: self._end(host, asker))
        try:
            found = await asyncio.shield(self._asked[host])
        except asyncio.CancelledError:  # it took longer than a call may
            self._bad.put(host, loop.time())
            self._slow.put(asker, loop.time())
            raise
        if not found:
            self._bad.put(host, loop.time())
        return found

    def _has_room(self, asker: UUID | None, now: float) -> bool:
        taken, share = len(self._asked), THREADS
        if taken == THREADS:
            return False
        if self._slow.holds(asker, now):
            of_slow = [each for each in self._under_way.elements() if self._slow.holds(each, now)]
            taken, share = len(of_slow), SLOW_THREADS
        most = LOOK_UPS_PER_ASKER if taken < share // 2 else 1
        return taken < share and self._under_way[asker] < most

    def _end(self, host: str, asker: UUID | None) -> None:
        del self._asked[host]
        self._under_way[asker] -= 1
        if not self._under_way[asker]:
            del self._under_way[asker]

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
