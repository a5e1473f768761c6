"""What the hot path keeps in a process: nothing that a restart could lose."""

from typing import Final
from uuid import UUID

from placet.authority.server_keys import ServerKeys
from placet.events.model import NewEvent, new_event
from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.replay.calls.memory import Known, Memory, known_from
from placet.replay.sessions.policies import Pinned, Policies
from placet.storage.database import Database
from placet.tenancy.model import ParsedKey

ATTEMPTS: Final = 4
"""Once on what is remembered, and three times on what the function told."""

COLD: Final = -1
"""The version of facts that nobody knows: the function answers with them."""


class Runtime:
    """A database, the keys that grants are signed with, and two caches that may be wrong."""

    def __init__(self, db: Database, ids: Ids, clock: Clock, keys: ServerKeys) -> None:
        """Start remembering nothing."""
        self.db = db
        self.ids = ids
        self.clock = clock
        self.keys = keys
        self.memory = Memory()
        self.policies = Policies()

    def find(self, key: ParsedKey, session_id: UUID) -> Known | None:
        """Return what this process remembers of a session."""
        return self.memory.find(key.key_id, key.secret_hash, session_id)

    def learn(self, key: ParsedKey, session_id: UUID, facts: str, before: Known | None) -> Known:
        """Remember a session as a function has just told it."""
        known = known_from(facts, before)
        self.memory.keep(key.key_id, key.secret_hash, session_id, known)
        return known

    async def pinned(self, known: Known) -> Pinned:
        """Return the policy that a session is pinned to."""
        return await self.policies.get(self.db, known.tenant_id, known.artifact_id)

    def event(self, said: Value) -> NewEvent:
        """Return the event that says this."""
        return new_event(self.ids, said)
