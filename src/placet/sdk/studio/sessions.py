"""The sessions of agents, as people see and stop them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.replay.closings.model import CloseAnswer, CloseSession
from placet.replay.controls.model import ControlAnswer, FilterTools, LabelSession
from placet.replay.export.model import EventView
from placet.replay.orphans.model import OrphanView
from placet.replay.pending.model import SessionWithPending
from placet.replay.sessions.lease_model import ChangeLease, LeaseAction, LeaseAnswer
from placet.replay.sessions.model import KillAnswer, KillSession, SessionView
from placet.replay.snapshots.model import (
    SessionChecked,
    SnapshotView,
    SnapshotWithState,
    TakeSnapshot,
)
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door

_SESSIONS: Final = "/replay/sessions"
_ORPHANS: Final = "/replay/orphans"
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
        """Yield the events of a session above a sequence number, in their order.

        Raises the refusal `cursor_unknown` where the session has no event of that number: what was
        read before is gone, as after a restore. At the last event nothing is yielded.
        """
        path = path_of(f"{_SESSION}/events", id=session_id)
        return self._door.every(path, Page[EventView], after=after)

    async def follow(self, session_id: UUID, *, after: int = 0) -> AsyncIterator[EventView]:
        """Yield the events above a sequence number as they come, until the session has ended.

        It looks again every second, from the last event that it has yielded. Receipts that come
        after the end are not waited for. Raises `cursor_unknown` as `events` does.
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

    async def label(
        self,
        session_id: UUID,
        *,
        add: Mapping[str, str] | None = None,
        clear: Sequence[str] = (),
    ) -> ControlAnswer:
        """Put labels on a session, or clear some by name: one of the two."""
        path = path_of(f"{_SESSION}/labels", id=session_id)
        asked = LabelSession(add=dict(add or {}), clear=tuple(clear))
        return await self._door.post(path, ControlAnswer, asked)

    async def filter(self, session_id: UUID, tools: Sequence[str], reason: str) -> ControlAnswer:
        """Take tools away from a session, for good."""
        path = path_of(f"{_SESSION}/tool-filter", id=session_id)
        asked = FilterTools(tools=tuple(tools), reason=reason)
        return await self._door.post(path, ControlAnswer, asked)

    async def bundle(self, session_id: UUID) -> bytes:
        """Return the evidence of a session as a bundle that `placet verify` reads."""
        return await self._door.get_bytes(path_of(f"{_SESSION}/bundle", id=session_id))

    async def check(self, session_id: UUID, *, whole: bool = False) -> SessionChecked:
        """Hold the state of a session to its events, from the latest sound snapshot on or whole."""
        path = path_of(f"{_SESSION}/check", id=session_id)
        return await self._door.get(path, SessionChecked, whole="true" if whole else "false")

    def snapshots(self, session_id: UUID) -> AsyncIterator[SnapshotView]:
        """Yield the snapshots that are kept of a session, the latest first."""
        path = path_of(f"{_SESSION}/snapshots", id=session_id)
        return self._door.every(path, Page[SnapshotView])

    async def snapshot(self, session_id: UUID, seq: int) -> SnapshotWithState:
        """Return the snapshot of a session that stands at a sequence number."""
        path = path_of(f"{_SESSION}/snapshots/{{seq}}", id=session_id, seq=str(seq))
        return await self._door.get(path, SnapshotWithState)

    async def take_snapshot(
        self, session_id: UUID, seq: int | None = None, *, key: str | None = None
    ) -> SnapshotWithState:
        """Keep what the events of a session lead to, up to one of them or to the latest."""
        path = path_of(f"{_SESSION}/snapshots", id=session_id)
        return await self._door.post(path, SnapshotWithState, TakeSnapshot(seq=seq), key=key)

    def orphans(self) -> AsyncIterator[OrphanView]:
        """Yield the receipts of calls that nobody knows, the latest first."""
        return self._door.every(_ORPHANS, Page[OrphanView])
