"""An event loop in a thread of its own, for callers that have none."""

import asyncio
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Final, TypeVar

from placet.sdk.errors import OutcomeUnknown
from placet.sdk.execution import plain_runner

T = TypeVar("T")

_STOP_SECONDS: Final = 5.0


class OwnLoop:
    """Runs coroutines in its thread while the caller waits. May be used from many threads."""

    def __init__(self) -> None:
        """Start the thread; it never keeps the process alive."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="placet-sdk-loop", daemon=True
        )
        self._thread.start()

    def __repr__(self) -> str:
        """Show whether the thread lives."""
        return f"OwnLoop({'running' if self._thread.is_alive() else 'stopped'})"

    @property
    def is_open(self) -> bool:
        """Tell whether it runs anything yet."""
        return not self._loop.is_closed()

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """Return the coroutine's result. Plain tools that it runs are run here, meanwhile.

        An interrupt here cancels the coroutine and is raised at once. One inside a tool is raised
        after the tool was reported: nobody knows how far it came. Raises `RuntimeError` in its own
        thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            message = "this runs in the client's own thread, which cannot wait for itself"
            raise RuntimeError(message)
        inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        here = _Here(self._loop, inbox)
        token = plain_runner.set(here.run)
        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        finally:
            plain_runner.reset(token)
        future.add_done_callback(lambda _: inbox.put(None))
        try:
            while (work := inbox.get()) is not None:
                work()
        except BaseException:
            here.leave()
            future.cancel()
            raise
        if here.interrupted is not None:
            raise here.interrupted
        return future.result()

    def close(self) -> None:
        """End the loop and its thread. Closing twice does nothing."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_SECONDS)
        if not self._thread.is_alive():
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()


class _Here:
    """Has plain callables run by the thread that waits for a coroutine."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, inbox: "queue.SimpleQueue[Callable[[], None] | None]"
    ) -> None:
        self._loop = loop
        self._inbox = inbox
        self._left = False
        self._pending: set[asyncio.Future[object]] = set()
        self.interrupted: BaseException | None = None

    def leave(self) -> None:
        """Say that nobody waits here any more, so that what waits for us does not wait for ever."""

        def give_up() -> None:
            self._left = True
            for done in tuple(self._pending):
                if not done.done():
                    done.set_exception(OutcomeUnknown("interrupted"))

        self._loop.call_soon_threadsafe(give_up)

    async def run(self, plain: Callable[[], object]) -> object:
        """Return what the callable returns in the thread that waits."""
        if self._left:
            message = "interrupted"
            raise OutcomeUnknown(message)
        done: asyncio.Future[object] = self._loop.create_future()
        self._pending.add(done)
        done.add_done_callback(self._pending.discard)

        def settle(result: object, fault: Exception | None) -> None:
            if done.done():
                return
            if fault is None:
                done.set_result(result)
            else:
                done.set_exception(fault)

        def work() -> None:
            result, fault = self._tried(plain)
            self._loop.call_soon_threadsafe(settle, result, fault)

        self._inbox.put(work)
        return await done

    def _tried(self, plain: Callable[[], object]) -> tuple[object, Exception | None]:
        try:
            return plain(), None
        except Exception as fault:  # noqa: BLE001 -- carried over to whoever awaits it
            return None, fault
        except BaseException as fault:  # noqa: BLE001 -- an interrupt would end the loop's thread
            self.interrupted = fault
            return None, OutcomeUnknown("interrupted")
