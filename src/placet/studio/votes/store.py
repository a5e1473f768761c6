"""Questions about votes, and the row that is added."""

from uuid import UUID

import sqlalchemy as sa

from placet.storage.database import Reading, Writing
from placet.studio.votes.model import ApprovalVote
from placet.studio.votes.tables import VOTE


async def insert_vote(tx: Writing, vote: ApprovalVote) -> None:
    """Add a vote. There is one for a person on a request."""
    await tx.insert(VOTE, vote)


async def list_votes(tx: Reading, request_id: UUID) -> list[ApprovalVote]:
    """Return the votes on a request in the order in which they were cast."""
    return await tx.list(
        ApprovalVote,
        sa.select(VOTE)
        .where(VOTE.c.tenant_id == tx.tenant_id, VOTE.c.request_id == request_id)
        .order_by(VOTE.c.voted_at, VOTE.c.vote_id),
    )
