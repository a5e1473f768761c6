"""Blocking work beside the event loop, in a thread of its own.

The loop's shared threads are the tools': where these hang, what is written to disk and the end of
a session would stand in line behind them.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """Return what `work` returns, done in a thread of its own. It is done even if nobody waits."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: Callable[[], None]) -> None:
        if not done.done():
            result()

    def run() -> None:
        try:
            result = work()
        except BaseException as fault:  # noqa: BLE001 -- carried over to whoever awaits it
            why = fault
            _call(loop, lambda: tell(lambda: done.set_exception(why)))
        else:
            _call(loop, lambda: tell(lambda: done.set_result(result)))

    threading.Thread(target=run, name="placet-aside", daemon=True).start()
    return await done


def _call(loop: asyncio.AbstractEventLoop, tell: Callable[[], None]) -> None:
    # A loop that was closed meanwhile has nobody left to be told.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(tell)
