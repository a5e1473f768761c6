"""Questions about drafts, and the guarded changes of them.

The guards stand in the statements that write: a change that was decided on an older version of a
draft meets no row, whatever was read before.
"""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.kernel.ids import ActorId
from placet.storage.database import Reading, Writing, fields_of
from placet.studio.drafts.model import (
    BusinessCommand,
    BusinessDraft,
    DraftNotFound,
    DraftStatus,
)
from placet.studio.drafts.tables import COMMAND, DRAFT


async def get_draft(tx: Reading, draft_id: UUID) -> BusinessDraft:
    """Return a draft. Refuses `draft_not_found`."""
    found = await tx.find(
        BusinessDraft,
        sa.select(DRAFT).where(DRAFT.c.tenant_id == tx.tenant_id, DRAFT.c.draft_id == draft_id),
    )
    if found is None:
        raise DraftNotFound(detail="there is no draft with this id")
    return found


async def find_open_draft(tx: Reading, workspace_id: UUID) -> BusinessDraft | None:
    """Return the open draft of a workspace; there is at most one."""
    return await tx.find(
        BusinessDraft,
        sa.select(DRAFT).where(
            DRAFT.c.tenant_id == tx.tenant_id,
            DRAFT.c.workspace_id == workspace_id,
            DRAFT.c.status == DraftStatus.OPEN,
        ),
    )


async def insert_draft(tx: Writing, draft: BusinessDraft) -> bool:
    """Add a draft. Returns whether its workspace had no other open one."""
    statement = postgresql.insert(DRAFT).values(fields_of(draft)).on_conflict_do_nothing()
    return await tx.change(statement) == 1


async def advance_to_superseded(tx: Writing, draft: BusinessDraft) -> bool:
    """Close a draft in favour of its child. Returns whether it still was as it was read."""
    return await tx.change(_as_read(draft).values(status=DraftStatus.SUPERSEDED)) == 1


def command_statement(draft: BusinessDraft, command: BusinessCommand, contract: bytes) -> sa.Update:
    """Return the change that a command makes, on the version that it was decided on."""
    # Race: of two commands on one version the second waits here, and then meets no row.
    return _as_read(draft).values(
        current_version=command.version,
        contract_json=contract,
        command_head=command.chain_hash,
    )


async def advance_by_command(
    tx: Writing, draft: BusinessDraft, command: BusinessCommand, contract: bytes
) -> bool:
    """Write a command and what it made. Returns False, with nothing written, if it came late."""
    if await tx.change(command_statement(draft, command, contract)) != 1:
        return False
    await tx.insert(COMMAND, command)
    return True


async def list_commands(
    tx: Reading, draft_id: UUID, *, after: int, limit: int
) -> list[BusinessCommand]:
    """Return up to `limit` commands with a version above `after`, in order."""
    return await tx.list(
        BusinessCommand,
        sa.select(COMMAND)
        .where(
            COMMAND.c.tenant_id == tx.tenant_id,
            COMMAND.c.draft_id == draft_id,
            COMMAND.c.version > after,
        )
        .order_by(COMMAND.c.version)
        .limit(limit),
    )


async def list_authors(tx: Reading, draft_id: UUID) -> frozenset[ActorId]:
    """Return everybody who changed a draft, or one that it began with and nobody approved."""
    lineage = (
        sa.select(DRAFT.c.draft_id, DRAFT.c.parent_draft_id)
        .where(DRAFT.c.tenant_id == tx.tenant_id, DRAFT.c.draft_id == draft_id)
        .cte("lineage", recursive=True)
    )
    parents = sa.select(DRAFT.c.draft_id, DRAFT.c.parent_draft_id).where(
        DRAFT.c.tenant_id == tx.tenant_id,
        DRAFT.c.draft_id == lineage.c.parent_draft_id,
        DRAFT.c.status != DraftStatus.APPROVED,
    )
    lineage = lineage.union(parents)
    rows = await tx.rows(
        sa.select(COMMAND.c.actor_id)
        .distinct()
        .where(
            COMMAND.c.tenant_id == tx.tenant_id,
            COMMAND.c.draft_id.in_(sa.select(lineage.c.draft_id)),
        )
    )
    return frozenset(ActorId(row.actor_id) for row in rows)


async def lock_draft(tx: Writing, draft: BusinessDraft) -> bool:
    """Hold a draft until the transaction ends. Returns whether it still is as it was read."""
    held = sa.select(DRAFT.c.draft_id).where(*_unmoved(draft)).with_for_update(key_share=True)
    return bool(await tx.rows(held))


async def advance_snapshot(tx: Writing, draft: BusinessDraft, snapshot_id: UUID) -> bool:
    """Point a draft at its snapshot. Returns whether the draft still was as it was read."""
    return await tx.change(_as_read(draft).values(active_snapshot_id=snapshot_id)) == 1


def approve_statement(draft: BusinessDraft, approval_id: UUID) -> sa.Update:
    """Return the change that closes a draft by an approval.

    It holds only while the draft is open at the version that was read, and points at the snapshot
    that it pointed at.
    """
    # Race: an edit that commits first moves the version, so this meets no row; an edit that comes
    # second waits here and then meets a draft that is no longer open.
    return (
        _as_read(draft)
        .where(DRAFT.c.active_snapshot_id.is_not_distinct_from(draft.active_snapshot_id))
        .values(status=DraftStatus.APPROVED, approval_id=approval_id)
    )


async def advance_to_approved(tx: Writing, draft: BusinessDraft, approval_id: UUID) -> bool:
    """Close a draft by an approval. Returns whether it still was as it was read."""
    return await tx.change(approve_statement(draft, approval_id)) == 1


def _as_read(draft: BusinessDraft) -> sa.Update:
    """Return a change that holds only on the open draft at the version that was read."""
    return sa.update(DRAFT).where(*_unmoved(draft))


def _unmoved(draft: BusinessDraft) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        DRAFT.c.tenant_id == draft.tenant_id,
        DRAFT.c.draft_id == draft.draft_id,
        DRAFT.c.status == DraftStatus.OPEN,
        DRAFT.c.current_version == draft.current_version,
    )
