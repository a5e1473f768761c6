"""Questions about enrolments, and the rows that are added."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.storage.database import Reading, Writing, fields_of
from placet.studio.enrolments.model import (
    Enrolment,
    EnrolmentChallenge,
    EnrolmentConfirmation,
    EnrolmentId,
    EnrolmentNotFound,
)
from placet.studio.enrolments.tables import CHALLENGE, CONFIRMATION, ENROLMENT


async def insert_challenge(tx: Writing, challenge: EnrolmentChallenge) -> None:
    """Keep a challenge that was given out."""
    await tx.insert(CHALLENGE, challenge)


async def find_challenge(tx: Reading, challenge_id: UUID) -> EnrolmentChallenge | None:
    """Return a challenge by its id."""
    return await tx.find(
        EnrolmentChallenge,
        sa.select(CHALLENGE).where(
            CHALLENGE.c.tenant_id == tx.tenant_id, CHALLENGE.c.challenge_id == challenge_id
        ),
    )


async def insert_enrolment(tx: Writing, enrolment: Enrolment) -> bool:
    """Add an enrolment. Returns False if its challenge was used before."""
    # Race: of two proofs over one challenge, the second waits here for the first and adds nothing.
    added = postgresql.insert(ENROLMENT).values(fields_of(enrolment))
    return await tx.change(added.on_conflict_do_nothing()) == 1


async def get_enrolment(tx: Reading, enrolment_id: UUID) -> Enrolment:
    """Return an enrolment. Refuses `enrolment_not_found`."""
    found = await tx.find(
        Enrolment,
        sa.select(ENROLMENT).where(
            ENROLMENT.c.tenant_id == tx.tenant_id, ENROLMENT.c.enrolment_id == enrolment_id
        ),
    )
    if found is None:
        raise EnrolmentNotFound(detail="there is no enrolment with this id")
    return found


async def list_enrolments(tx: Reading, *, after: UUID | None, limit: int) -> list[Enrolment]:
    """Return up to `limit` enrolments in the order of their asking, after the one named."""
    query = sa.select(ENROLMENT).where(ENROLMENT.c.tenant_id == tx.tenant_id)
    if after is not None:
        query = query.where(ENROLMENT.c.enrolment_id > after)
    return await tx.list(Enrolment, query.order_by(ENROLMENT.c.enrolment_id).limit(limit))


async def insert_confirmation(tx: Writing, confirmation: EnrolmentConfirmation) -> bool:
    """Decide an enrolment. Returns False if it was decided before."""
    # Race: of two decisions at once, the second waits here for the first and adds nothing.
    added = postgresql.insert(CONFIRMATION).values(fields_of(confirmation))
    return await tx.change(added.on_conflict_do_nothing()) == 1


async def list_confirmations(
    tx: Reading, enrolments: Sequence[EnrolmentId]
) -> dict[EnrolmentId, EnrolmentConfirmation]:
    """Return what was decided about those of these enrolments that were decided."""
    found = await tx.list(
        EnrolmentConfirmation,
        sa.select(CONFIRMATION).where(
            CONFIRMATION.c.tenant_id == tx.tenant_id, CONFIRMATION.c.enrolment_id.in_(enrolments)
        ),
    )
    return {confirmation.enrolment_id: confirmation for confirmation in found}
