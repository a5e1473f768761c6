"""Looking up names, on threads of their own: a name server that hangs holds up no other work."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address, ip_address
from typing import Final, TypeAlias

from placet.webhooks.endpoints.rules import Address

THREADS: Final = 8

Resolve: TypeAlias = Callable[[str], Awaitable[list[Address]]]
"""What returns every address of a name, or none if it stands for nothing."""


class SystemResolver:
    """The resolver of this machine."""

    def __init__(self) -> None:
        """Keep a few threads."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook-names")

    async def __call__(self, host: str) -> list[Address]:
        """Return every address of a name, in the order of the answer, each once."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host)

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
