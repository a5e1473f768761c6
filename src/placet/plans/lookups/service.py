"""Looking at plans together, and waiting for one to change."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from placet.kernel.refusals import GovernanceUnavailable
from placet.plans.lookups import store
from placet.plans.lookups.model import (
    LOOK_AGAIN_SECONDS,
    WAITS_MAX,
    WAITS_OF_ONE_MAX,
    PlanLook,
    PlanQuestion,
)
from placet.storage.database import HotPool

CHANNEL: Final = "placet_plan"
"""Where the database tells which plan is new or has moved."""

BATCH_MAX: Final = 64

STATEMENTS_MAX: Final = 2
"""Statements under way at one time: one is answered here while the next is worked on there."""


class PlanLooks:
    """Asks in one statement for everybody who came while the last two were under way."""

    def __init__(self, hot: HotPool) -> None:
        """Stand on the hot pool."""
        self._hot = hot
        self._waiting: list[tuple[PlanQuestion, asyncio.Future[PlanLook | str]]] = []
        self._asking: set[asyncio.Task[None]] = set()
        self._running = 0

    async def look(self, question: PlanQuestion) -> PlanLook | str:
        """Return what is known of a plan, read after this was called.

        Refuses `governance_unavailable`.
        """
        answered: asyncio.Future[PlanLook | str] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answered))
        if self._running < STATEMENTS_MAX:
            self._running += 1
            asking = asyncio.create_task(self._ask())
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        return await answered

    async def _ask(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                await self._answer(batch)
        finally:
            # Race: at once, and not when the task is collected, or somebody would wait for ever.
            self._running -= 1

    async def _answer(
        self, batch: Sequence[tuple[PlanQuestion, "asyncio.Future[PlanLook | str]"]]
    ) -> None:
        try:
            found = await store.look(self._hot, [question for question, _ in batch])
        except Exception as fault:  # noqa: BLE001 -- handed to whoever asked
            if len(batch) > 1 and not isinstance(fault, GovernanceUnavailable):
                for one in batch:
                    await self._answer([one])
                return
            for _, answered in batch:
                if not answered.done():
                    answered.set_exception(fault)
            return
        for (_, answered), each in zip(batch, found, strict=True):
            if not answered.done():
                answered.set_result(each)


class PlanWaits:
    """Wakes those who wait for a plan. Holds no connection and knows no plan."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._is_over = False

    def __len__(self) -> int:
        """Return how many wait."""
        return sum(len(events) for events in self._waiting.values())

    @contextlib.contextmanager
    def waiting(self, plan_id: UUID) -> Iterator[asyncio.Event | None]:
        """Yield what is set when the plan may have changed, or none where too many wait.

        One plan's agents leave room for others.
        """
        count = len(self._waiting.get(str(plan_id), ()))
        if self._is_over or len(self) >= WAITS_MAX or count >= WAITS_OF_ONE_MAX:
            yield None
            return
        event = asyncio.Event()
        beside = self._waiting.setdefault(str(plan_id), set())
        beside.add(event)
        try:
            yield event
        finally:
            beside.discard(event)
            if not beside:
                del self._waiting[str(plan_id)]

    def hear(self, told: str | None) -> None:
        """Wake those who wait for the plan that was told of; everybody when it was none."""
        events = (
            [event for some in self._waiting.values() for event in some]
            if told is None
            else list(self._waiting.get(told, ()))
        )
        for event in events:
            event.set()

    def end(self) -> None:
        """Answer everybody who waits, and let nobody wait any more."""
        self._is_over = True
        self.hear(None)

    @property
    def is_over(self) -> bool:
        """Tell whether nobody waits here any more."""
        return self._is_over


async def look_changed(
    looks: PlanLooks, waits: PlanWaits, question: PlanQuestion, known: PlanLook, seconds: float
) -> PlanLook | str:
    """Return what is known of a plan once it is another than `known`, or after `seconds`.

    At once where too many wait. Refuses as `PlanLooks.look` does.
    """
    if known.plan_id is None:
        return known
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    with waits.waiting(known.plan_id) as event:
        if event is None:
            return known
        while True:
            # Race: cleared before the look, so that a move after the look wakes us.
            event.clear()
            found = await looks.look(question)
            left = end - loop.time()
            is_same = not isinstance(found, str) and found.stamp == known.stamp
            if not is_same or left <= 0 or waits.is_over:
                return found
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), min(left, LOOK_AGAIN_SECONDS))
