"""The function that keeps a report of unguarded calls, one round trip."""

from typing import Final
from uuid import UUID

import asyncpg

from placet.events.model import NewEvent
from placet.kernel.value import Value
from placet.storage.database import HotPool
from placet.tenancy.model import ParsedKey

_UNGUARDED: Final = (
    "SELECT * FROM placet.unguarded_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
)


class UnguardedWrite(Value, frozen=True):
    """A report, told apart by route, key and fingerprint, and what it leads to."""

    route: str
    idempotency_key: str
    fingerprint: bytes
    decided_version: int
    state: bytes
    stop: str | None
    events: list[NewEvent]


async def report_unguarded(
    hot: HotPool, key: ParsedKey, session_id: UUID, write: UnguardedWrite
) -> asyncpg.Record:
    """Keep a report where it was decided on the present facts, or answer with a code."""
    return await hot.call(
        _UNGUARDED,
        key.key_id,
        key.secret_hash,
        session_id,
        write.route,
        write.idempotency_key,
        write.fingerprint,
        write.decided_version,
        write.state,
        write.stop,
        [event.event_id for event in write.events],
        [event.type for event in write.events],
        [event.salt for event in write.events],
        [event.body for event in write.events],
        owed=True,
    )
