"""Who follows which session, and the stream that each is sent."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Final
from uuid import UUID
from weakref import finalize

from placet.kernel.ids import TenantId
from placet.kernel.principal import Principal, Scope
from placet.kernel.refusals import NotFound, Unavailable
from placet.replay.export import service as export
from placet.replay.export.model import EventView
from placet.replay.sessions import store as sessions
from placet.replay.sessions.policies import acting_for
from placet.replay.sessions.views import check_reach
from placet.replay.watching.model import (
    HEARTBEAT_SECONDS,
    LIFE_SECONDS,
    PAGE,
    TICK_SECONDS,
    WATCHERS_MAX,
    WATCHERS_OF_TENANT_MAX,
    TooManyWatchers,
)
from placet.replay.watching.rules import HEARTBEAT, RETRY, frame
from placet.storage.database import Database
from placet.tenancy import store as tenancy
from placet.tenancy.model import ParsedKey

READERS: Final = frozenset({Scope.READ, Scope.RUNTIME})
_LOG: Final = logging.getLogger("placet.watching")


class Place:
    """One of the places that are given out. Given back once: by `leave`, or when it is dropped.

    Whoever is sent nothing, because the connection ended before the stream began, only drops it:
    so places are given back at any moment, also while those of a session are gone through.
    """

    def __init__(self, session_id: UUID, bell: asyncio.Event, leave: Callable[[], None]) -> None:
        """Hold what is set when the session may have new events, and what gives the place back."""
        self.session_id = session_id
        self.bell = bell
        self.leave = finalize(self, leave)


class SessionWatches:
    """Wakes those who follow a session. One statement a second for each tenant that has any."""

    def __init__(self, db: Database) -> None:
        """Begin with nobody following."""
        self.life_seconds = LIFE_SECONDS
        self._db = db
        self._bells: dict[TenantId, dict[UUID, set[asyncio.Event]]] = {}
        self._seen: dict[UUID, int] = {}
        self._ticking: asyncio.Task[None] | None = None
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Tell whether nobody follows anything here any more."""
        return self._is_over

    def has_room(self, tenant_id: TenantId) -> bool:
        """Tell whether one more may follow a session of this tenant."""
        living = {
            tenant: sum(len(bells) for bells in list(rooms.values()))
            for tenant, rooms in list(self._bells.items())
        }
        of_tenant = living.get(tenant_id, 0)
        is_full = sum(living.values()) >= WATCHERS_MAX or of_tenant >= WATCHERS_OF_TENANT_MAX
        return not self._is_over and not is_full

    def take(self, tenant_id: TenantId, session_id: UUID) -> Place:
        """Give a place to one more who follows a session. Refuses `too_many_watchers`.

        It counts from here on: nothing is awaited between the look for room and the taking.
        """
        if not self.has_room(tenant_id):
            raise TooManyWatchers(detail="no more streams of events are given out here")
        bell = asyncio.Event()
        self._bells.setdefault(tenant_id, {}).setdefault(session_id, set()).add(bell)
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.create_task(self._tick())
        return Place(session_id, bell, partial(self._leave, tenant_id, session_id, bell))

    def _leave(self, tenant_id: TenantId, session_id: UUID, bell: asyncio.Event) -> None:
        rooms = self._bells[tenant_id]
        rooms[session_id].remove(bell)
        if not rooms[session_id]:
            del rooms[session_id]
            self._seen.pop(session_id, None)
        if not rooms:
            del self._bells[tenant_id]

    def end(self) -> None:
        """End every stream, and begin none any more."""
        self._is_over = True
        for tenant_id in list(self._bells):
            self._ring(tenant_id)
        if self._ticking is not None:
            self._ticking.cancel()

    async def _tick(self) -> None:
        while self._bells and not self._is_over:
            for tenant_id in list(self._bells):
                try:
                    await self._look(tenant_id)
                except Exception:  # noqa: BLE001 -- whoever is woken meets the fault itself
                    _LOG.warning("sessions that are followed could not be looked at")
                    self._ring(tenant_id)
            await asyncio.sleep(TICK_SECONDS)

    async def _look(self, tenant_id: TenantId) -> None:
        async with self._db.reading(acting_for(tenant_id)) as tx:
            ends = await sessions.list_next_seqs(tx, list(self._bells.get(tenant_id, ())))
        rooms = self._bells.get(tenant_id, {})
        for session_id, next_seq in ends.items():
            # Race: whoever followed it may have left during the look, and nobody forgets it then.
            if session_id in rooms and self._seen.get(session_id) != next_seq:
                self._seen[session_id] = next_seq
                self._ring(tenant_id, session_id)

    def _ring(self, tenant_id: TenantId, session_id: UUID | None = None) -> None:
        rooms = self._bells.get(tenant_id, {})
        for room in list(rooms) if session_id is None else [session_id]:
            for bell in list(rooms.get(room, ())):
                bell.set()


async def follow(
    watches: SessionWatches,
    place: Place,
    db: Database,
    key: ParsedKey,
    after: int,
) -> AsyncGenerator[bytes, None]:
    """Yield the events of the place's session above a sequence number, as they come, framed.

    Ends with the stream's life, when the key may no longer read the session, when the session ends
    before that number, when the database does not answer, and when the service is stopped. Gives
    the place back when it ends.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + watches.life_seconds
    try:
        who = await tenancy.authenticate(db, key)
        if isinstance(who, str):
            return
        yield RETRY
        while True:
            # Race: cleared before the look, so that an event after the look wakes us.
            place.bell.clear()
            page = await _look(db, who, key, place.session_id, after)
            if page is None:
                return
            for event in page:
                yield frame(event)
                after = event.seq
            left = end - loop.time()
            if left <= 0 or watches.is_over:
                return
            if len(page) == PAGE:
                continue
            try:
                await asyncio.wait_for(place.bell.wait(), min(left, HEARTBEAT_SECONDS))
            except TimeoutError:
                yield HEARTBEAT
    finally:
        place.leave()


async def _look(
    db: Database, who: Principal, key: ParsedKey, session_id: UUID, after: int
) -> list[EventView] | None:
    """Return the next events, or None where this key reads none any more."""
    try:
        async with db.reading(who) as tx:
            await check_reach(tx, who, session_id)
            page = await export.list_views(tx, session_id, after=after, limit=PAGE)
        # Race: asked after the read, so that what came after a revocation is never sent.
        now = await tenancy.authenticate(db, key)
    except (NotFound, Unavailable):
        return None
    return page if isinstance(now, Principal) and now.scopes & READERS else None
