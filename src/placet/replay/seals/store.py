"""Questions about seals. They are written by a trigger on the session's row."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from placet.replay.seals.model import ReplaySessionSeal
from placet.replay.seals.tables import SESSION_SEAL
from placet.storage.database import Reading

AT_ONCE: Final = 1_000
"""Sessions asked about in one statement."""


async def find_seal(tx: Reading, session_id: UUID) -> ReplaySessionSeal | None:
    """Return the seal of a session, or None while it has not ended."""
    return await tx.find(
        ReplaySessionSeal,
        sa.select(SESSION_SEAL).where(
            SESSION_SEAL.c.tenant_id == tx.tenant_id, SESSION_SEAL.c.session_id == session_id
        ),
    )


async def list_seals(tx: Reading, sessions: Sequence[UUID]) -> list[ReplaySessionSeal]:
    """Return the seals of those of these sessions that have ended."""
    found: list[ReplaySessionSeal] = []
    for at in range(0, len(sessions), AT_ONCE):
        some = sessions[at : at + AT_ONCE]
        query = sa.select(SESSION_SEAL).where(
            SESSION_SEAL.c.tenant_id == tx.tenant_id, SESSION_SEAL.c.session_id.in_(some)
        )
        found += await tx.list(ReplaySessionSeal, query.order_by(SESSION_SEAL.c.session_id))
    return found
