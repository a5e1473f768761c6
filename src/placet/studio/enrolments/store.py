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

_HOLD = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


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


def hold_statement(enrolment_id: UUID) -> sa.TextClause:
    """Return what lets one transaction at a time decide on an enrolment."""
    # Race: of two words at once, the second waits here and then counts the first. The row itself
    # cannot be held: it is only ever added, and holding one takes the right to change it.
    return _HOLD.bindparams(name=f"placet.enrolment:{enrolment_id}")


async def hold_enrolment(tx: Writing, enrolment_id: UUID) -> None:
    """Let nobody else decide on an enrolment before this transaction ends."""
    await tx.rows(hold_statement(enrolment_id))


async def insert_confirmation(tx: Writing, confirmation: EnrolmentConfirmation) -> None:
    """Add what one person signed about an enrolment that the caller holds."""
    await tx.insert(CONFIRMATION, confirmation)


async def list_confirmations(
    tx: Reading, enrolments: Sequence[EnrolmentId]
) -> dict[EnrolmentId, list[EnrolmentConfirmation]]:
    """Return what was signed about each of these enrolments, in the order of the signing."""
    found = await tx.list(
        EnrolmentConfirmation,
        sa.select(CONFIRMATION)
        .where(
            CONFIRMATION.c.tenant_id == tx.tenant_id, CONFIRMATION.c.enrolment_id.in_(enrolments)
        )
        .order_by(CONFIRMATION.c.confirmed_at, CONFIRMATION.c.confirmed_by),
    )
    return {
        enrolment_id: [each for each in found if each.enrolment_id == enrolment_id]
        for enrolment_id in enrolments
    }
