"""The sessions of agents, as people see and stop them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.replay.closings.model import CloseAnswer, CloseSession
from placet.replay.export.model import EventView
from placet.replay.pending.model import SessionWithPending
from placet.replay.sessions.lease_model import ChangeLease, LeaseAction, LeaseAnswer
from placet.replay.sessions.model import KillAnswer, KillSession, SessionView
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door

_SESSIONS: Final = "/replay/sessions"
_SESSION: Final = "/replay/sessions/{id}"
LOOK_AGAIN_SECONDS: Final = 1.0


class Sessions:
    """What agents have under way, what happened in it, and how it ends."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[SessionView]:
        """Return one page of the sessions, the newest first."""
        return await self._door.page(_SESSIONS, Page[SessionView], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[SessionView]:
        """Yield every session, the newest first."""
        return self._door.every(_SESSIONS, Page[SessionView])

    async def get(self, session_id: UUID) -> SessionWithPending:
        """Return a session with the calls that may still change."""
        path = path_of(_SESSION, id=session_id)
        return await self._door.get(path, SessionWithPending, include="pending")

    def events(self, session_id: UUID, *, after: int = 0) -> AsyncIterator[EventView]:
        """Yield the events of a session above a sequence number, in their order."""
        path = path_of(f"{_SESSION}/events", id=session_id)
        return self._door.every(path, Page[EventView], after=after)

    async def follow(self, session_id: UUID, *, after: int = 0) -> AsyncIterator[EventView]:
        """Yield the events above a sequence number as they come, until the session has ended.

        It looks again every second. Receipts that come after the end are not waited for.
        """
        while True:
            # Read before the events, so that none of those before the end is missed.
            path = path_of(_SESSION, id=session_id)
            session = await self._door.get(path, SessionView)
            async for event in self.events(session_id, after=after):
                yield event
                after = event.seq
            if session.ended_at is not None:
                return
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def kill(self, session_id: UUID, reason: str) -> KillAnswer:
        """Stop a session for ever. Killing it twice is one kill."""
        path = path_of(f"{_SESSION}/kill", id=session_id)
        return await self._door.post(path, KillAnswer, KillSession(reason=reason))

    async def steal(
        self, session_id: UUID, reason: str, *, holder: str, ttl_seconds: int = 15
    ) -> LeaseAnswer:
        """Take the lease of a session for another holder; the present one is overtaken."""
        path = path_of(f"{_SESSION}/lease", id=session_id)
        asked = ChangeLease(
            action=LeaseAction.STEAL,
            holder=holder,
            request_id=self._door.caller.ids.new(),
            ttl_seconds=ttl_seconds,
            reason=reason,
        )
        return await self._door.post(path, LeaseAnswer, asked)

    async def close(self, session_id: UUID, reason: str | None = None) -> CloseAnswer:
        """Let a session take no new calls, and end once nothing is left open."""
        path = path_of(f"{_SESSION}/close", id=session_id)
        return await self._door.post(path, CloseAnswer, CloseSession(reason=reason))
