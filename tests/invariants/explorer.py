"""Every order in which a few actors' transactions can meet, each played once with real commits.

An actor has a short script of works. Each work is two steps: it is done in a transaction of its
own, and later it commits. A schedule names the actor of each step. An actor whose work waits for
another's commit cannot step until it is through, so no schedule is played that could not happen: a
play follows a prefix, goes on with the first actor that can step, and leaves behind a prefix for
each other that could have. Of two that wait for one lock, either may get it; a play whose prefix
cannot be followed for that reason is another's, and counts once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from tests.invariants.hands import Hand
from tests.invariants.interleave import Side, came_to, waits

from placet.evidence.fields import Fence

STUCK_SECONDS = 30
GRACE_SECONDS = 0.002

Schedule = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One work of a script: what it is called, and whose hand does it."""

    name: str
    hand: Hand
    work: Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Done:
    """A work that committed: under which fence it was asked, and what it came to.

    `began` and `ended` are places in the schedule: of its first step, and of its commit.
    """

    actor: int
    name: str
    fence: Fence
    outcome: object
    began: int
    ended: int


@dataclass
class Actor:
    """Somebody with a script and a connection; at most one of its works is under way."""

    side: Side
    script: Sequence[Step]
    next: int = 0
    began: int = 0
    fence: Fence | None = None
    under_way: "asyncio.Future[object] | None" = None
    transaction: Any = None

    @property
    def can_step(self) -> bool:
        """Tell whether it can begin a work or commit one."""
        if self.under_way is None:
            return self.next < len(self.script)
        return self.under_way.done()

    @property
    def is_waiting(self) -> bool:
        """Tell whether its work waits for another's commit."""
        return self.under_way is not None and not self.under_way.done()

    async def begin(self, place: int) -> None:
        """Begin the next work in a transaction of its own."""
        step = self.script[self.next]
        self.began, self.fence = place, step.hand.fence
        self.transaction = self.side.connection.transaction()
        await self.transaction.start()
        self.under_way = asyncio.ensure_future(came_to(step.work))

    async def commit(self, number: int, place: int) -> Done:
        """Commit the work that is done."""
        assert self.under_way is not None
        assert self.fence is not None
        await self.transaction.commit()
        outcome, self.under_way = self.under_way.result(), None
        step = self.script[self.next]
        self.next += 1
        return Done(number, step.name, self.fence, outcome, self.began, place)


@dataclass
class Play:
    """One schedule as it was played: its steps, who else could have stepped, and what was done."""

    schedule: list[int] = field(default_factory=list)
    others: list[list[int]] = field(default_factory=list)
    done: list[Done] = field(default_factory=list)
    waited: int = 0

    @property
    def key(self) -> Schedule:
        """Return the whole schedule."""
        return tuple(self.schedule)


class Frontier:
    """The prefixes that are still to be played, each once."""

    def __init__(self) -> None:
        """Begin with the empty one."""
        self._todo: list[Schedule] = [()]
        self._known: set[Schedule] = {()}
        self._played: set[Schedule] = set()

    def __bool__(self) -> bool:
        """Tell whether anything is left to play."""
        return bool(self._todo)

    def take(self) -> Schedule:
        """Return a prefix to play next."""
        return self._todo.pop()

    def add(self, played: Play) -> bool:
        """Note a play and the prefixes that it leaves behind; tell whether it is a new one."""
        schedule = played.key
        if schedule in self._played:
            return False
        self._played.add(schedule)
        for place, others in enumerate(played.others):
            self._known.add(schedule[: place + 1])
            for other in others:
                prefix = (*schedule[:place], other)
                if prefix not in self._known:
                    self._known.add(prefix)
                    self._todo.append(prefix)
        return True


async def play(watch: "asyncpg.Connection[Any]", actors: Sequence[Actor], prefix: Schedule) -> Play:
    """Play the schedule that begins so, to the end of every script."""
    made = Play()
    while True:
        ready = [number for number, actor in enumerate(actors) if actor.can_step]
        if not ready:
            waiting = [actor.under_way for actor in actors if actor.under_way is not None]
            if not waiting:
                return made
            # Nobody can step and nobody is done: it can only be a wait that is about to end.
            done, _ = await asyncio.wait(
                waiting, timeout=STUCK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            assert done, "everybody waits for ever"
            continue
        place = len(made.schedule)
        wanted = prefix[place] if place < len(prefix) else ready[0]
        number = wanted if wanted in ready else ready[0]
        made.schedule.append(number)
        made.others.append([other for other in ready if other != number])
        await _step(watch, actors, number, made)


async def _step(
    watch: "asyncpg.Connection[Any]", actors: Sequence[Actor], number: int, made: Play
) -> None:
    actor, place = actors[number], len(made.schedule) - 1
    if actor.under_way is not None:
        made.done.append(await actor.commit(number, place))
        for other in actors:
            if other.is_waiting:
                await _settle(watch, other)
        return
    alone = all(other.under_way is None for other in actors)
    await actor.begin(place)
    assert actor.under_way is not None
    if alone:
        await actor.under_way
    elif await _settle(watch, actor):
        made.waited += 1


async def _settle(watch: "asyncpg.Connection[Any]", actor: Actor) -> bool:
    """Let a work run until it is through, or waits for a lock; tell whether it waits."""
    assert actor.under_way is not None
    # Most works are through by then, and who asks meanwhile only takes their time.
    await asyncio.wait([actor.under_way], timeout=GRACE_SECONDS)
    return await waits(watch, actor.side.pid, actor.under_way)
