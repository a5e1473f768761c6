"""Questions about drafts, and the guarded changes of them.

The guards stand in the statements that write: a change that was decided on an older version of a
draft meets no row, whatever was read before.
"""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.kernel.ids import ActorId
from placet.kernel.value import Value
from placet.storage.database import Reading, Writing, fields_of
from placet.studio.drafts.lists.model import CommandSummary, DraftSummary
from placet.studio.drafts.model import (
    BusinessCommand,
    BusinessDraft,
    CommandNotFound,
    CommandType,
    CommentNotFound,
    DraftId,
    DraftNotFound,
    DraftStatus,
)
from placet.studio.drafts.replaying import WHOLE
from placet.studio.drafts.tables import COMMAND, DRAFT

VERSION_MAX: Final = 2**63 - 1


class _Wrote(Value, frozen=True):
    """Of a command that brings an approval's contract: which, and who wrote that."""

    approval_id: UUID
    authors: list[ActorId]


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


async def advance_to_abandoned(tx: Writing, draft: BusinessDraft) -> bool:
    """Close a draft for nothing. Returns whether it still was as it was read."""
    return await tx.change(_as_read(draft).values(status=DraftStatus.ABANDONED)) == 1


def command_statement(
    draft: BusinessDraft, command: BusinessCommand, after: BusinessDraft
) -> sa.Update:
    """Return the change that a command makes, on the version that it was decided on."""
    # Race: of two commands on one version the second waits here, and then meets no row.
    return _as_read(draft).values(
        current_version=command.version,
        contract_json=after.contract_json,
        command_head=command.chain_hash,
        derived_from_approval_id=after.derived_from_approval_id,
    )


async def advance_by_command(
    tx: Writing, draft: BusinessDraft, command: BusinessCommand, after: BusinessDraft
) -> bool:
    """Write a command and what it made. Returns False, with nothing written, if it came late."""
    if await tx.change(command_statement(draft, command, after)) != 1:
        return False
    await tx.insert(COMMAND, command)
    return True


async def list_drafts(
    tx: Reading, workspace_id: UUID, *, after: UUID | None, limit: int
) -> list[DraftSummary]:
    """Return up to `limit` drafts of a workspace in the order of their making, after one."""
    columns = [DRAFT.c[name] for name in DraftSummary.__struct_fields__]
    query = sa.select(*columns).where(
        DRAFT.c.tenant_id == tx.tenant_id, DRAFT.c.workspace_id == workspace_id
    )
    if after is not None:
        query = query.where(DRAFT.c.draft_id > after)
    return await tx.list(DraftSummary, query.order_by(DRAFT.c.draft_id).limit(limit))


async def list_commands(
    tx: Reading, draft_id: UUID, *, after: int, limit: int
) -> list[CommandSummary]:
    """Return up to `limit` commands with a version above `after`, in order."""
    payload = sa.cast(sa.func.convert_from(COMMAND.c.payload_json, "UTF8"), postgresql.JSON)
    told = {
        "reason": payload["reason"].astext,
        "sources": sa.func.coalesce(payload["sources"], sa.cast([], postgresql.JSON)),
        "payload_bytes": sa.func.octet_length(COMMAND.c.payload_json),
    }
    fields = CommandSummary.__struct_fields__
    columns = [told[name].label(name) if name in told else COMMAND.c[name] for name in fields]
    query = sa.select(*columns).where(
        COMMAND.c.tenant_id == tx.tenant_id,
        COMMAND.c.draft_id == draft_id,
        COMMAND.c.version > after,
    )
    return await tx.list(CommandSummary, query.order_by(COMMAND.c.version).limit(limit))


async def get_command(tx: Reading, draft_id: UUID, version: int) -> BusinessCommand:
    """Return the command that made a version of a draft. Refuses `command_not_found`."""
    found = await tx.find(
        BusinessCommand,
        sa.select(COMMAND).where(
            COMMAND.c.tenant_id == tx.tenant_id,
            COMMAND.c.draft_id == draft_id,
            COMMAND.c.version == min(version, VERSION_MAX),
        ),
    )
    if found is None:
        raise CommandNotFound(detail="there is no command of this version on the draft")
    return found


async def list_authors(tx: Reading, draft_id: UUID, *, in_force: UUID | None) -> frozenset[ActorId]:
    """Return everybody who opened or changed a draft, or one that it began with.

    The draft of the approval `in_force` ends that line, and its authors are not among them: what
    they wrote holds already. No other approval takes anybody from it, be it revoked, expired,
    replaced, or one that stands by. Those who wrote what was imported are among them, and those who
    wrote what was rebased on, once that is not in force.
    """
    is_not_held = DRAFT.c.approval_id.is_(None) | DRAFT.c.approval_id.is_distinct_from(in_force)
    lineage = _lineage(tx, draft_id, is_not_held)
    opened = await tx.rows(
        sa.select(DRAFT.c.created_by)
        .distinct()
        .where(
            DRAFT.c.tenant_id == tx.tenant_id,
            DRAFT.c.draft_id.in_(sa.select(lineage.c.draft_id)),
        )
    )
    brings = COMMAND.c.command_type.in_([CommandType.IMPORT_ARTIFACT, CommandType.REBASE])
    brought = sa.case((brings, COMMAND.c.payload_json))
    rows = await tx.rows(
        sa.select(COMMAND.c.actor_id, COMMAND.c.command_type, brought.label("brought"))
        .distinct()
        .where(
            COMMAND.c.tenant_id == tx.tenant_id,
            COMMAND.c.draft_id.in_(sa.select(lineage.c.draft_id)),
        )
    )
    return frozenset(
        [ActorId(row.created_by) for row in opened]
        + [ActorId(row.actor_id) for row in rows]
        + [who for row in rows for who in _wrote(row.command_type, row.brought, in_force)]
    )


def _wrote(kind: CommandType, payload: bytes | None, in_force: UUID | None) -> list[ActorId]:
    """Return who wrote what a command brought, as far as they count as authors of it here."""
    if payload is None:
        return []
    brought = msgspec.json.decode(payload, type=_Wrote)
    is_held = kind is CommandType.REBASE and brought.approval_id == in_force
    return [] if is_held else brought.authors


async def list_history(
    tx: Reading, draft: BusinessDraft, types: Sequence[CommandType] = ()
) -> list[BusinessCommand]:
    """Return every command that led to a draft as it was read, its ancestors' first, in order.

    With `types`, only those of these types.
    """
    lineage = _lineage(tx, draft.draft_id)
    query = sa.select(COMMAND).join(lineage, lineage.c.draft_id == COMMAND.c.draft_id)
    query = query.where(*_led_to(draft))
    if types:
        query = query.where(COMMAND.c.command_type.in_(types))
    return await tx.list(BusinessCommand, query.order_by(lineage.c.depth.desc(), COMMAND.c.version))


async def list_replayed(
    tx: Reading, draft: BusinessDraft, also_at: Collection[UUID] = ()
) -> list[BusinessCommand]:
    """Return the commands that make the contract of a draft as it was read, in order.

    They begin with the last one that set a whole contract; what was before it makes no difference.
    With the ids of commands in `also_at`, they make the contract as it was after each of these too.
    """
    lineage = _lineage(tx, draft.draft_id)
    on_it = lineage.c.draft_id == COMMAND.c.draft_id
    last = (
        sa.select(lineage.c.depth, COMMAND.c.version)
        .join(lineage, on_it)
        .where(*_led_to(draft), COMMAND.c.command_type.in_(WHOLE))
        .order_by(lineage.c.depth, COMMAND.c.version.desc())
        .limit(1)
    )
    first = (
        sa.select(lineage.c.depth, COMMAND.c.version)
        .join(lineage, on_it)
        .where(*_led_to(draft), COMMAND.c.command_id.in_(also_at))
        .order_by(lineage.c.depth.desc(), COMMAND.c.version)
        .limit(1)
    )
    for row in await tx.rows(first) if also_at else ():
        is_earlier = (lineage.c.depth == row.depth) & (COMMAND.c.version <= row.version)
        last = last.where((lineage.c.depth > row.depth) | is_earlier)
    query = sa.select(COMMAND).join(lineage, on_it).where(*_led_to(draft))
    for row in await tx.rows(last):
        is_later = (lineage.c.depth == row.depth) & (COMMAND.c.version >= row.version)
        query = query.where((lineage.c.depth < row.depth) | is_later)
    return await tx.list(BusinessCommand, query.order_by(lineage.c.depth.desc(), COMMAND.c.version))


async def list_lineage(tx: Reading, draft_id: UUID) -> frozenset[DraftId]:
    """Return a draft and what it began with, as far as nobody approved it."""
    lineage = _lineage(tx, draft_id, DRAFT.c.status != DraftStatus.APPROVED)
    rows = await tx.rows(sa.select(lineage.c.draft_id))
    return frozenset(DraftId(row.draft_id) for row in rows)


async def check_comment(tx: Reading, draft_id: UUID, command_id: UUID) -> None:
    """Refuse `comment_not_found` for what is no comment on a draft or one before it."""
    lineage = _lineage(tx, draft_id)
    found = await tx.rows(
        sa.select(COMMAND.c.command_id).where(
            COMMAND.c.tenant_id == tx.tenant_id,
            COMMAND.c.command_id == command_id,
            COMMAND.c.command_type == CommandType.COMMENT,
            COMMAND.c.draft_id.in_(sa.select(lineage.c.draft_id)),
        )
    )
    if not found:
        raise CommentNotFound(detail="there is no comment with this id on the draft")


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


def _lineage(tx: Reading, draft_id: UUID, goes_on: sa.ColumnElement[bool] | None = None) -> sa.CTE:
    """Return a draft and what it began with, with the number of steps to each.

    The line ends before the first parent of which `goes_on` does not hold.
    """
    first = sa.select(DRAFT.c.draft_id, DRAFT.c.parent_draft_id, sa.literal(0).label("depth"))
    lineage = first.where(DRAFT.c.tenant_id == tx.tenant_id, DRAFT.c.draft_id == draft_id).cte(
        "lineage", recursive=True
    )
    parents = sa.select(DRAFT.c.draft_id, DRAFT.c.parent_draft_id, lineage.c.depth + 1).where(
        DRAFT.c.tenant_id == tx.tenant_id,
        DRAFT.c.draft_id == lineage.c.parent_draft_id,
        sa.true() if goes_on is None else goes_on,
    )
    return lineage.union_all(parents)


def _as_read(draft: BusinessDraft) -> sa.Update:
    """Return a change that holds only on the open draft at the version that was read."""
    return sa.update(DRAFT).where(*_unmoved(draft))


def _led_to(draft: BusinessDraft) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what is true of the commands of a lineage that led to a draft as it was read."""
    return (
        COMMAND.c.tenant_id == draft.tenant_id,
        # Race: a command that comes between the two reads is no part of this version.
        (COMMAND.c.draft_id != draft.draft_id) | (COMMAND.c.version <= draft.current_version),
    )


def _unmoved(draft: BusinessDraft) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        DRAFT.c.tenant_id == draft.tenant_id,
        DRAFT.c.draft_id == draft.draft_id,
        DRAFT.c.status == DraftStatus.OPEN,
        DRAFT.c.current_version == draft.current_version,
    )
