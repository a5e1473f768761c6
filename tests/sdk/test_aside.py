"""What blocks is done beside the loop, and not behind tools that hang."""

import asyncio
import threading
from functools import partial

import pytest

from placet.sdk.aside import aside


async def test_what_is_done_aside_waits_for_no_thread_of_the_loop() -> None:
    go_on = threading.Event()
    loop = asyncio.get_running_loop()
    hanging = [loop.run_in_executor(None, go_on.wait) for _ in range(64)]
    try:
        assert await asyncio.wait_for(aside(threading.current_thread), 60) is not None
    finally:
        go_on.set()
        await asyncio.gather(*hanging)


async def test_what_is_raised_aside_is_raised_where_it_is_awaited() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await aside(partial(int, "x"))


async def test_what_was_begun_aside_is_done_although_nobody_waits_any_more() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert go_on.wait(60)
        ended.set()

    waiting = asyncio.ensure_future(aside(work))
    assert await aside(partial(begun.wait, 10))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    assert await aside(partial(ended.wait, 10))


def test_a_loop_that_was_closed_meanwhile_is_told_nothing() -> None:
    go_on = threading.Event()

    async def leave() -> None:
        waiting = asyncio.ensure_future(aside(partial(go_on.wait, 60)))
        await asyncio.sleep(0)
        waiting.cancel()

    asyncio.run(leave())
    threads = [one for one in threading.enumerate() if one.name == "placet-aside"]
    go_on.set()
    for one in threads:
        one.join(10)
