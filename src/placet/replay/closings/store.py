"""The call of the function that closes a session."""

from collections.abc import Sequence
from typing import Final

import asyncpg

from placet.events.model import NewEvent
from placet.replay.calls.writes import Caller
from placet.storage.database import HotPool

_CLOSE: Final = (
    "SELECT * FROM placet.session_close_v1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
)


async def close_session(
    hot: HotPool, caller: Caller, reason: str, events: Sequence[NewEvent]
) -> asyncpg.Record:
    """Close a session, in one round trip."""
    return await hot.call(
        _CLOSE,
        *caller.arguments(),
        reason,
        [event.event_id for event in events],
        [event.type for event in events],
        [event.salt for event in events],
        [event.body for event in events],
    )
