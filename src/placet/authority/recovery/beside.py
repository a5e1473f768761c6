"""Work that may hang, in a thread that nobody has to wait for."""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Run work beside the event loop; what it returns or raises is the future's.

    Its thread is no pool's, which would be short of it for as long as the work hangs, and which is
    waited for when the process ends.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def give(result: T) -> None:
        if not future.cancelled():
            future.set_result(result)

    def fail(fault: Exception) -> None:
        if not future.cancelled():
            future.set_exception(fault)

    def run() -> None:
        try:
            told = functools.partial(give, work())
        except Exception as fault:  # noqa: BLE001 -- it is raised where it is waited for
            told = functools.partial(fail, fault)
        # The loop may be over by then, and with it whoever waited.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(told)

    # Who gave up waiting has no use for the fault either.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    threading.Thread(target=run, name="beside", daemon=True).start()
    return future


async def within(work: Callable[[], T], seconds: float) -> T:
    """Do work that may hang, and return what it returns. Raises `TimeoutError` after so long."""
    doing = in_thread(work)
    await asyncio.wait({doing}, timeout=seconds)
    if not doing.done():
        message = "it does not answer"
        raise TimeoutError(message)
    return doing.result()
