"""What the hot path keeps in a process: nothing that a restart could lose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from weakref import WeakValueDictionary

from placet.authority.server_keys import ServerKeys
from placet.events.model import NewEvent, new_event
from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.replay.calls.audiences import Audiences
from placet.replay.calls.memory import Known, Memory, known_from
from placet.replay.sessions.policies import Pinned, Policies
from placet.replay.tallies.lanes import Lanes
from placet.storage.database import Database
from placet.tenancy.model import ParsedKey

ATTEMPTS: Final = 4
"""Once on what is remembered, and three times on what the function told."""

TURN_SECONDS: Final = 0.5

HASTY: Final = 2
"""So many attempts wait for nobody who uses a part of what this one needs; the others do."""

COLD: Final = -1
"""The version of facts that nobody knows: the function answers with them."""

UNREAD: Final = -2
"""The version for a host's word on a call that nobody knows: the facts come before it is kept."""


class Runtime:
    """A database, the keys that grants are signed with, and two caches that may be wrong."""

    def __init__(self, db: Database, ids: Ids, clock: Clock, keys: ServerKeys) -> None:
        """Start remembering nothing."""
        self.db = db
        self.ids = ids
        self.clock = clock
        self.keys = keys
        self.memory = Memory()
        self._ahead = timedelta()
        self._turns: WeakValueDictionary[tuple[str, bytes, UUID], asyncio.Lock] = (
            WeakValueDictionary()
        )
        self.policies = Policies()
        self.audiences = Audiences()
        self.lanes = Lanes()

    def now(self) -> datetime:
        """Return the database's time as far as it can be guessed here.

        The distance of this process's clock is learnt from every answer that carries a time.
        """
        return self.clock.now() + self._ahead

    def saw(self, at: datetime) -> None:
        """Learn what the database's clock said a moment ago."""
        self._ahead = at - self.clock.now()

    @asynccontextmanager
    async def turn(self, key: ParsedKey, session_id: UUID) -> AsyncIterator[None]:
        """Let the reports of one key on one session take turns in this process.

        It saves turns and decides nothing: who has waited long enough goes on without one.
        """
        place = (key.key_id, key.secret_hash, session_id)
        lock = self._turns.get(place)
        try:
            if lock is not None:
                await asyncio.wait_for(lock.acquire(), TURN_SECONDS)
            else:
                # Nobody is there to wait for, and a limit costs even those who do not wait.
                lock = self._turns[place] = asyncio.Lock()
                await lock.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def find(self, key: ParsedKey, session_id: UUID) -> Known | None:
        """Return what this process remembers of a session."""
        return self.memory.find(key.key_id, key.secret_hash, session_id)

    def learn(self, key: ParsedKey, session_id: UUID, facts: str, before: Known | None) -> Known:
        """Remember a session as a function has just told it."""
        known = known_from(facts, before)
        self.saw(known.at)
        self.memory.keep(key.key_id, key.secret_hash, session_id, known)
        return known

    async def pinned(self, known: Known) -> Pinned:
        """Return the policy that a session is pinned to."""
        return await self.policies.get(self.db, known.tenant_id, known.artifact_id)

    def event(self, said: Value) -> NewEvent:
        """Return the event that says this."""
        return new_event(self.ids, said)
