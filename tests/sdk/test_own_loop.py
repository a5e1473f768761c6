"""A loop in a thread of its own, and the caller's thread as the place of plain tools."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from placet.sdk.errors import OutcomeUnknown
from placet.sdk.execution import plain_runner
from placet.sdk.own_loop import OwnLoop


@pytest.fixture
def loop() -> Iterator[OwnLoop]:
    made = OwnLoop()
    yield made
    made.close()


async def plain(function: object) -> object:
    assert callable(function)
    return await plain_runner.get()(function)


def test_a_coroutine_runs_in_the_other_thread_and_its_plain_tools_in_this_one(
    loop: OwnLoop,
) -> None:
    async def both() -> tuple[object, object]:
        return threading.current_thread(), await plain(threading.current_thread)

    there, here = loop.run(both())
    assert here is threading.current_thread()
    assert there is not here


def test_what_a_plain_tool_raises_reaches_who_awaits_it_and_then_the_caller(loop: OwnLoop) -> None:
    seen: list[type[BaseException]] = []

    def fail() -> None:
        message = "no"
        raise KeyError(message)

    async def watch() -> None:
        try:
            await plain(fail)
        except KeyError as fault:
            seen.append(type(fault))
            raise

    with pytest.raises(KeyError):
        loop.run(watch())
    assert seen == [KeyError]


def test_an_interrupt_inside_a_tool_is_an_unknown_outcome_there_and_an_interrupt_here(
    loop: OwnLoop,
) -> None:
    seen: list[type[BaseException]] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    async def watch() -> None:
        try:
            await plain(interrupted)
        except OutcomeUnknown as fault:
            seen.append(type(fault))
            raise

    with pytest.raises(KeyboardInterrupt):
        loop.run(watch())
    assert seen == [OutcomeUnknown]


def test_the_loop_serves_several_threads_each_with_its_own_tools(loop: OwnLoop) -> None:
    found: dict[str, object] = {}
    together = threading.Barrier(3)

    async def ask() -> object:
        return await plain(threading.current_thread)

    def caller(name: str) -> None:
        together.wait()
        found[name] = loop.run(ask())

    threads = [threading.Thread(target=caller, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["a", "b", "c"]
    assert set(found.values()) == set(threads)


def test_whoever_would_wait_for_its_own_thread_is_refused(loop: OwnLoop) -> None:
    async def again() -> None:
        loop.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="own thread"):
        loop.run(again())


def test_after_closing_the_thread_is_gone() -> None:
    loop = OwnLoop()
    loop.run(asyncio.sleep(0))
    loop.close()
    loop.close()
    assert (repr(loop), loop.is_open) == ("OwnLoop(stopped)", False)
