"""Hears what the database tells on a channel, over one connection of its own.

A notification may be lost with its connection: after each new connection the hearer is called
with none, which means that anything may have been told. Nothing may rest on a notification alone.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import asyncpg

CONNECT_SECONDS: Final = 10.0
CHECK_SECONDS: Final = 30.0
"""How often a quiet connection is asked whether it still lives."""

PAUSES: Final = (0.2, 1.0, 5.0)
"""Seconds between attempts to connect: the first, the second, and every later one."""

_LOG: Final = logging.getLogger("placet.storage")


async def listen(url: str, channel: str, hear: Callable[[str | None], None]) -> None:
    """Call `hear` with each payload told on `channel`, until cancelled.

    A database that is away is tried again and ends nothing. `hear` must not block or raise.
    """
    failed = 0
    while True:
        try:
            connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS)
            try:
                await connection.add_listener(channel, lambda *told: hear(told[3]))
                failed = 0
                hear(None)
                await _until_lost(connection)
            finally:
                connection.terminate()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
            _LOG.info("nothing is heard of `%s` for now: %s", channel, fault)
        await asyncio.sleep(PAUSES[min(failed, len(PAUSES) - 1)])
        failed += 1


async def _until_lost(connection: "asyncpg.Connection[Any]") -> None:
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    while not lost.is_set():
        try:
            await asyncio.wait_for(lost.wait(), CHECK_SECONDS)
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=CONNECT_SECONDS)
