"""Who follows which session, and the stream that each is sent."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Iterator
from typing import Final
from uuid import UUID

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
)
from placet.replay.watching.rules import HEARTBEAT, RETRY, frame
from placet.storage.database import Database
from placet.tenancy import store as tenancy
from placet.tenancy.model import ParsedKey

READERS: Final = frozenset({Scope.READ, Scope.RUNTIME})
_LOG: Final = logging.getLogger("placet.watching")


class SessionWatches:
    """Wakes those who follow a session. One statement a second for each tenant that has any."""

    def __init__(self, db: Database) -> None:
        """Begin with nobody following."""
        self.life_seconds = LIFE_SECONDS
        self._db = db
        self._bells: dict[TenantId, dict[UUID, dict[asyncio.Event, float]]] = {}
        self._seen: dict[UUID, int] = {}
        self._ticking: asyncio.Task[None] | None = None
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Tell whether nobody follows anything here any more."""
        return self._is_over

    def has_room(self, tenant_id: TenantId) -> bool:
        """Tell whether one more may follow a session of this tenant.

        A reader that stands still past the end of its stream no longer counts.
        """
        now = asyncio.get_running_loop().time()
        living = {
            tenant: sum(until > now for bells in rooms.values() for until in bells.values())
            for tenant, rooms in self._bells.items()
        }
        of_tenant = living.get(tenant_id, 0)
        is_full = sum(living.values()) >= WATCHERS_MAX or of_tenant >= WATCHERS_OF_TENANT_MAX
        return not self._is_over and not is_full

    @contextlib.contextmanager
    def watching(
        self, tenant_id: TenantId, session_id: UUID, until: float
    ) -> Iterator[asyncio.Event]:
        """Yield what is set when the session may have new events. `until` is the loop's time."""
        bell = asyncio.Event()
        rooms = self._bells.setdefault(tenant_id, {})
        bells = rooms.setdefault(session_id, {})
        bells[bell] = until
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.create_task(self._tick())
        try:
            yield bell
        finally:
            del bells[bell]
            if not bells:
                del rooms[session_id]
                self._seen.pop(session_id, None)
            if not rooms:
                self._bells.pop(tenant_id, None)

    def end(self) -> None:
        """End every stream, and begin none any more."""
        self._is_over = True
        for tenant_id in self._bells:
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
        for session_id, next_seq in ends.items():
            if self._seen.get(session_id) != next_seq:
                self._seen[session_id] = next_seq
                self._ring(tenant_id, session_id)

    def _ring(self, tenant_id: TenantId, session_id: UUID | None = None) -> None:
        rooms = self._bells.get(tenant_id, {})
        for room in list(rooms) if session_id is None else [session_id]:
            for bell in rooms.get(room, {}):
                bell.set()


async def follow(
    watches: SessionWatches, db: Database, key: ParsedKey, session_id: UUID, after: int
) -> AsyncGenerator[bytes, None]:
    """Yield the events of a session above a sequence number, as they come, framed.

    Ends with the stream's life, when the key may no longer read the session, when the database does
    not answer, and when the service is stopped.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + watches.life_seconds
    who = await tenancy.authenticate(db, key)
    if isinstance(who, str):
        return
    with watches.watching(who.tenant_id, session_id, end) as bell:
        yield RETRY
        while True:
            # Race: cleared before the look, so that an event after the look wakes us.
            bell.clear()
            page = await _look(db, who, key, session_id, after)
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
                await asyncio.wait_for(bell.wait(), min(left, HEARTBEAT_SECONDS))
            except TimeoutError:
                yield HEARTBEAT


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
