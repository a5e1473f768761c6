"""Calls of one hot function that come while one is under way, sent as one statement.

Each has its own arguments and its own answer, and the same checks as if it had come alone; what
they share is one round trip and one commit. A call never waits for company: it goes at once unless
another of its group is under way, and then with whatever has come by the time that one is done. One
that is held up, by a lock say, holds up those behind it for no longer than `STALL_SECONDS`, and
those of its statement for no longer than `LOCK_WAIT`, which is then sent again as single calls.

- Calls of one statement lock their sessions in the order of the ids, one call for each session, as
  whatever else locks several does, so that they never wait for each other. What locks anything else
  that sessions share (effect keys, slices, tallies, standing grants) is not sent this way.
- A group is one key's, hence one tenant's, so that nobody waits at the gate of another.
- Where the database refuses the statement, nothing of it was done, and each call is sent alone.
  Where its answer was lost, it may have been done, and each caller is told so.
"""

import asyncio
import functools
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from placet.kernel.refusals import GovernanceUnavailable
from placet.storage.faults import LOST
from placet.storage.warm import called

SIZES: Final = (16, 8, 4, 2)
"""How many calls one statement holds: few sizes, for a connection knows it by its text."""

STALL_SECONDS: Final = 0.02

LOCK_WAIT: Final = "50ms"
"""How long a statement of several calls waits for one lock."""

_BUSY: Final = "every database connection is busy; nothing was decided"

Fetch: TypeAlias = Callable[[str, Sequence[object]], Awaitable[list[asyncpg.Record]]]
"""Runs a statement and returns its rows."""


WAIT_SECONDS: Final = 0.5
"""How long a call may wait for those before it where no connection is free."""


class _Call(NamedTuple):
    session: UUID
    arguments: tuple[object, ...]
    answer: "asyncio.Future[asyncpg.Record]"
    since: float


class Group:
    """The calls of one function that one key asks for."""

    def __init__(
        self,
        name: str,
        fetch: Fetch,
        is_full: Callable[[], bool],
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin with none under way.

        `is_full` says whether no connection is free; `on_idle` is called whenever none is under way
        any more.
        """
        self._name = name
        self._fetch = fetch
        self._is_full = is_full
        self._on_idle = on_idle
        self._waiting: deque[_Call] = deque()
        self._under_way = 0
        self._stall: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def is_idle(self) -> bool:
        """Say whether nothing is under way and nothing waits."""
        return not self._under_way and not self._waiting

    async def call(self, session: UUID, arguments: tuple[object, ...]) -> asyncpg.Record:
        """Return the answer to one call, sent alone or together with others."""
        if self.is_idle:
            self._under_way += 1
            try:
                return (await self._fetch(statement(self._name, len(arguments), 1), arguments))[0]
            finally:
                self._done()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[asyncpg.Record] = loop.create_future()
        self._waiting.append(_Call(session, arguments, answer, loop.time()))
        if self._stall is None:
            self._stall = loop.call_later(STALL_SECONDS, self._stalled)
        return await answer

    def _done(self) -> None:
        self._under_way -= 1
        if self._waiting:
            self._send()
        if self.is_idle:
            self._on_idle()

    def _stalled(self) -> None:
        self._stall = None
        if self._waiting:
            self._send()

    def _send(self) -> None:
        """Send as many of those that wait as one statement takes."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        taken = self._take()
        if not taken:
            return
        self._under_way += 1
        # A task of its own: whoever goes away takes only its own call along.
        task = asyncio.create_task(self._together(taken))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        if self._waiting:
            self._stall = asyncio.get_running_loop().call_later(STALL_SECONDS, self._stalled)

    def _take(self) -> list[_Call]:
        """Take the first of each session, in the order of the sessions' ids."""
        first: dict[UUID, _Call] = {}
        rest: list[_Call] = []
        # Who waited because all stood still may go on: a connection is there.
        refuses = self._is_full()
        too_old = asyncio.get_running_loop().time() - WAIT_SECONDS
        for one in self._waiting:
            if one.answer.done():
                continue
            if refuses and one.since < too_old:
                _tell(one, GovernanceUnavailable(detail=_BUSY, retry_after_seconds=1))
                continue
            if one.session in first or len(first) == SIZES[0]:
                rest.append(one)
            else:
                first[one.session] = one
        size = next((size for size in SIZES if size <= len(first)), len(first))
        taken = list(first.values())
        self._waiting = deque([*taken[size:], *rest])
        return sorted(taken[:size], key=lambda one: one.session)

    async def _together(self, calls: list[_Call]) -> None:
        if len(calls) == 1:
            await self._one(calls[0])
            self._done()
            return
        try:
            width = len(calls[0].arguments)
            given = [value for one in calls for value in one.arguments]
            rows = await self._fetch(statement(self._name, width, len(calls)), given)
        except Exception as fault:  # noqa: BLE001 -- whatever it is, those who wait are told
            if isinstance(fault, asyncpg.PostgresError) and not isinstance(fault, LOST):
                # One of them was refused, and with it all were.
                await asyncio.gather(*(self._one(one) for one in calls))
            else:
                for one in calls:
                    _tell(one, fault)
        else:
            for row in rows:
                one = calls[row["place"]]
                if not one.answer.done():
                    one.answer.set_result(row)
        finally:
            self._done()

    async def _one(self, one: _Call) -> None:
        try:
            text = statement(self._name, len(one.arguments), 1)
            row = (await self._fetch(text, one.arguments))[0]
        except Exception as fault:  # noqa: BLE001 -- as above
            _tell(one, fault)
        else:
            if not one.answer.done():
                one.answer.set_result(row)


class Groups:
    """The groups of every function and key, while anything is under way in them."""

    def __init__(self, fetch: Fetch, is_full: Callable[[], bool]) -> None:
        """Begin with none; `is_full` says whether no connection is free."""
        self._fetch = fetch
        self._is_full = is_full
        self._groups: dict[tuple[str, Hashable], Group] = {}

    async def call(
        self, name: str, key: Hashable, session: UUID, arguments: tuple[object, ...]
    ) -> asyncpg.Record:
        """Return the answer to one call of a function, sent alone or together with others."""
        place = (name, key)
        group = self._groups.get(place)
        if group is None:
            # It is there while anything is under way in it, whoever still waits for that.
            forget = functools.partial(self._forget, place)
            group = self._groups[place] = Group(name, self._fetch, self._is_full, forget)
        return await group.call(session, arguments)

    def _forget(self, place: tuple[str, Hashable]) -> None:
        del self._groups[place]


@functools.cache
def statement(name: str, width: int, calls: int) -> str:
    """Return the text that calls a function so many times; `place` numbers the answers."""
    if calls == 1:
        return called(name, width)
    parts = []
    for place in range(calls):
        places = [f"${n}" for n in range(place * width + 1, (place + 1) * width + 1)]
        source = ""
        if place == 0:
            # The limit is set before the first call, since that takes its first argument from it.
            source = f"(SELECT set_config('lock_timeout', '{LOCK_WAIT}', true) AS t) AS l, LATERAL "
            places[0] = f"CASE WHEN l.t IS NOT NULL THEN {places[0]} END"
        call = f"placet.{name}({', '.join(places)}) AS f"
        parts.append(f"SELECT {place} AS place, f.* FROM {source}{call}")  # noqa: S608 -- names of our own functions
    return " UNION ALL ".join(parts)


def _tell(one: _Call, fault: BaseException) -> None:
    if not one.answer.done():
        one.answer.set_exception(fault)
