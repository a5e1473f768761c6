"""Questions about endings, and the rows that are added."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.authority.tables import ARTIFACT
from placet.plans.model import EndingKind
from placet.storage.database import Reading, Writing, fields_of
from placet.studio.approvals.tables import APPROVAL
from placet.studio.endings.model import ApprovalEnding, EndedApproval, EndingWarning
from placet.studio.endings.tables import ENDING, WARNING

ENDED_MAX: Final = 50


def insert_statement(ending: ApprovalEnding) -> sa.Insert:
    """Return the insert that gives way to an ending of the same kind."""
    # Race: of two that come at once, the second waits here for the first and adds nothing.
    return postgresql.insert(ENDING).values(fields_of(ending)).on_conflict_do_nothing()


async def insert_ending(tx: Writing, ending: ApprovalEnding) -> bool:
    """End an approval. Returns False if it had ended like this before."""
    return await tx.change(insert_statement(ending)) == 1


def warning_statement(warning: EndingWarning) -> sa.Insert:
    """Return the insert that gives way to the same warning."""
    # Race: of two workers, the second waits here for the first and says nothing.
    return postgresql.insert(WARNING).values(fields_of(warning)).on_conflict_do_nothing()


async def insert_warning(tx: Writing, warning: EndingWarning) -> bool:
    """Note that a warning was given. Returns False if it was given before."""
    return await tx.change(warning_statement(warning)) == 1


async def find_ending(tx: Reading, approval_id: UUID, kind: EndingKind) -> ApprovalEnding | None:
    """Return the ending of an approval of this kind."""
    return await tx.find(
        ApprovalEnding,
        sa.select(ENDING).where(
            ENDING.c.tenant_id == tx.tenant_id,
            ENDING.c.approval_id == approval_id,
            ENDING.c.kind == kind,
        ),
    )


async def list_ended(
    tx: Reading, approval_id: UUID | None, compiled_hash: str
) -> list[EndedApproval]:
    """Return what ended of an approval and of those that compiled to a hash, the latest first.

    In whatever workspace of the tenant; at most `ENDED_MAX`.
    """
    revoked = sa.and_(
        ENDING.c.tenant_id == APPROVAL.c.tenant_id,
        ENDING.c.approval_id == APPROVAL.c.approval_id,
        ENDING.c.kind == EndingKind.REVOKED,
    )
    compiled = sa.select(ARTIFACT.c.artifact_id).where(
        ARTIFACT.c.tenant_id == tx.tenant_id, ARTIFACT.c.compiled_hash == compiled_hash
    )
    ended_at = sa.func.coalesce(ENDING.c.ended_at, APPROVAL.c.expires_at)
    is_over = ENDING.c.approval_id.is_not(None) | (
        APPROVAL.c.expires_at <= sa.func.clock_timestamp()
    )
    return await tx.list(
        EndedApproval,
        sa.select(
            APPROVAL.c.approval_id,
            APPROVAL.c.workspace_id,
            sa.func.coalesce(ENDING.c.kind, EndingKind.EXPIRED).label("kind"),
            ENDING.c.reason,
            ended_at.label("ended_at"),
        )
        .outerjoin_from(APPROVAL, ENDING, revoked)
        .where(
            APPROVAL.c.tenant_id == tx.tenant_id,
            (APPROVAL.c.approval_id == approval_id) | APPROVAL.c.artifact_id.in_(compiled),
            is_over,
        )
        .order_by(ended_at.desc(), APPROVAL.c.approval_id)
        .limit(ENDED_MAX),
    )


async def list_endings(
    tx: Reading, approvals: Collection[UUID]
) -> dict[UUID, list[ApprovalEnding]]:
    """Return the endings of each of these approvals; none is left out."""
    found = await tx.list(
        ApprovalEnding,
        sa.select(ENDING)
        .where(ENDING.c.tenant_id == tx.tenant_id, ENDING.c.approval_id.in_(approvals))
        .order_by(ENDING.c.ended_at),
    )
    by_approval: dict[UUID, list[ApprovalEnding]] = {approval: [] for approval in approvals}
    for ending in found:
        by_approval[ending.approval_id].append(ending)
    return by_approval
