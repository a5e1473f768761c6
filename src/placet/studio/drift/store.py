"""Questions about drift items, and the guarded changes of them."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.storage.database import Reading, Writing, fields_of
from placet.studio.drafts.model import DraftStatus
from placet.studio.drafts.tables import DRAFT
from placet.studio.drift.model import (
    DriftDecision,
    DriftItem,
    DriftItemId,
    DriftItemNotFound,
    DriftKind,
    DriftSeverity,
    DriftStatus,
    DriftSubject,
    ToolChange,
)
from placet.studio.drift.tables import DRIFT_ITEM, LIVE

_ORDER = postgresql.array([severity.value for severity in DriftSeverity], type_=sa.Text)
_LAPSED = (
    DRIFT_ITEM.c.status == DriftStatus.WAIVED,
    DRIFT_ITEM.c.waived_until <= sa.func.clock_timestamp(),
)
_OPENED = {"status": DriftStatus.OPEN, "waived_until": None, "draft_id": None}


async def insert_item(tx: Writing, item: DriftItem) -> DriftItem | None:
    """Open an item, or count up the one that is there for the same, in one statement.

    Returns the item as it is then, with its own id if it was there before. Returns None where the
    same was resolved later than it was seen.
    """
    row = await tx.returning(upsert_statement(item))
    return None if row is None else _item(row)


async def reopen_waived(tx: Writing, approval_id: UUID, fingerprint: str) -> DriftItem | None:
    """Open an item again whose waiver has ended, and return it."""
    c = DRIFT_ITEM.c
    row = await tx.returning(
        sa.update(DRIFT_ITEM)
        .where(
            c.tenant_id == tx.tenant_id,
            c.approval_id == approval_id,
            c.fingerprint == fingerprint,
            *_LAPSED,
        )
        .values(**_OPENED)
        .returning(*c)
    )
    return None if row is None else _item(row)


async def reopen_lapsed(tx: Writing, workspace_id: UUID) -> list[DriftItem]:
    """Open every item of a workspace again whose waiver has ended, and return them."""
    c = DRIFT_ITEM.c
    lapsed = sa.update(DRIFT_ITEM).where(
        c.tenant_id == tx.tenant_id, c.workspace_id == workspace_id, *_LAPSED
    )
    rows = await tx.rows(lapsed.values(**_OPENED).returning(*c))
    return [_item(row) for row in rows]


async def reopen_accepted(tx: Writing, item: DriftItem) -> DriftItem | None:
    """Open an accepted item again whose draft came to nothing, and return it."""
    c = DRIFT_ITEM.c
    row = await tx.returning(
        sa.update(DRIFT_ITEM)
        .where(
            c.tenant_id == tx.tenant_id,
            c.item_id == item.item_id,
            c.status == DriftStatus.ACCEPTED,
            c.draft_id == item.draft_id,
        )
        .values(**_OPENED)
        .returning(*c)
    )
    return None if row is None else _item(row)


async def supersede(tx: Writing, workspace_id: UUID, approval_id: UUID) -> list[DriftItemId]:
    """Supersede what nobody closed under other approvals of a workspace than this one.

    An accepted one stays so while its draft is worked on. That something was put in force by
    break-glass stays open: no approval answers for it.
    """
    c = DRIFT_ITEM.c
    is_worked_on = (
        sa.select(sa.literal(1))
        .where(
            DRAFT.c.tenant_id == c.tenant_id,
            DRAFT.c.draft_id == c.draft_id,
            DRAFT.c.status == DraftStatus.OPEN,
        )
        .exists()
    )
    rows = await tx.rows(
        sa.update(DRIFT_ITEM)
        .where(
            c.tenant_id == tx.tenant_id,
            c.workspace_id == workspace_id,
            c.approval_id != approval_id,
            c.kind != DriftKind.BREAK_GLASS,
            sa.text(LIVE),
            ~is_worked_on,
        )
        .values(status=DriftStatus.SUPERSEDED, waived_until=None, draft_id=None)
        .returning(c.item_id)
    )
    return sorted(DriftItemId(row.item_id) for row in rows)


async def supersede_these(tx: Writing, item_ids: Sequence[DriftItemId]) -> list[DriftItemId]:
    """Supersede items that nobody has closed or taken up; return those that it were."""
    c = DRIFT_ITEM.c
    rows = await tx.rows(
        sa.update(DRIFT_ITEM)
        .where(
            c.tenant_id == tx.tenant_id,
            c.item_id.in_(item_ids),
            c.status != DriftStatus.ACCEPTED,
            sa.text(LIVE),
        )
        .values(status=DriftStatus.SUPERSEDED, waived_until=None)
        .returning(c.item_id)
    )
    return sorted(DriftItemId(row.item_id) for row in rows)


async def advance_item(tx: Writing, item: DriftItem, decision: DriftDecision) -> DriftItem | None:
    """Bring an item to another status, if it is still what it was when it was read."""
    c = DRIFT_ITEM.c
    # Race: of two decisions at once, the second finds another status than it was made for.
    row = await tx.returning(
        sa.update(DRIFT_ITEM)
        .where(
            c.tenant_id == tx.tenant_id,
            c.item_id == item.item_id,
            c.status == item.status,
            c.waived_until.is_not_distinct_from(item.waived_until),
        )
        .values(
            status=decision.status,
            reason=decision.reason,
            waived_until=decision.waived_until,
            draft_id=decision.draft_id,
            decided_by=tx.actor_id,
            decided_at=sa.func.clock_timestamp(),
        )
        .returning(*c)
    )
    return None if row is None else _item(row)


async def get_item(tx: Reading, item_id: UUID) -> DriftItem:
    """Return an item. Refuses `drift_item_not_found`."""
    found = await tx.find(
        DriftItem,
        sa.select(DRIFT_ITEM).where(
            DRIFT_ITEM.c.tenant_id == tx.tenant_id, DRIFT_ITEM.c.item_id == item_id
        ),
    )
    if found is None:
        raise DriftItemNotFound(detail="there is no drift item with this id")
    return found


async def lock_item(tx: Writing, item_id: UUID) -> DriftItem:
    """Return an item and hold it until the transaction ends. Refuses `drift_item_not_found`."""
    await tx.rows(
        sa.select(DRIFT_ITEM.c.item_id)
        .where(DRIFT_ITEM.c.tenant_id == tx.tenant_id, DRIFT_ITEM.c.item_id == item_id)
        .with_for_update(key_share=True)
    )
    return await get_item(tx, item_id)


async def list_items(
    tx: Reading,
    workspace_id: UUID,
    *,
    status: DriftStatus | None,
    before: UUID | None,
    limit: int,
) -> list[DriftItem]:
    """Return up to `limit` items of a workspace, the newest first, as they count now."""
    c = DRIFT_ITEM.c
    query = sa.select(DRIFT_ITEM).where(c.tenant_id == tx.tenant_id, c.workspace_id == workspace_id)
    if status is not None:
        counts = sa.case((sa.and_(*_LAPSED), DriftStatus.OPEN.value), else_=c.status)
        query = query.where(counts == status.value)
    if before is not None:
        query = query.where(c.item_id < before)
    return await tx.list(DriftItem, query.order_by(c.item_id.desc()).limit(limit))


async def list_live(tx: Reading, workspace_id: UUID) -> list[DriftItem]:
    """Return every item of a workspace that is neither resolved nor superseded."""
    c = DRIFT_ITEM.c
    query = sa.select(DRIFT_ITEM).where(
        c.tenant_id == tx.tenant_id, c.workspace_id == workspace_id, sa.text(LIVE)
    )
    return await tx.list(DriftItem, query.order_by(c.item_id))


async def list_changes(tx: Reading, approval_id: UUID) -> dict[str, ToolChange]:
    """Return how tools were found to differ from an approval, by the hash of what was found."""
    c = DRIFT_ITEM.c
    rows = await tx.rows(
        sa.select(c.subject).where(
            c.tenant_id == tx.tenant_id,
            c.approval_id == approval_id,
            c.kind == DriftKind.TOOL_CHANGED,
        )
    )
    subjects: list[DriftSubject] = [row.subject for row in rows]
    return {one.found: one.change for one in subjects if one.found and one.change}


def upsert_statement(item: DriftItem) -> sa.Executable:
    """Return the statement that opens an item or counts it up."""
    c = DRIFT_ITEM.c
    resolved = DRIFT_ITEM.alias("resolved")
    is_settled = (
        sa.select(sa.literal(1))
        .where(
            resolved.c.tenant_id == item.tenant_id,
            resolved.c.approval_id == item.approval_id,
            resolved.c.fingerprint == item.fingerprint,
            resolved.c.status == DriftStatus.RESOLVED,
            resolved.c.decided_at >= item.last_seen_at,
        )
        .exists()
    )
    values = fields_of(item)
    given = sa.select(
        *(sa.literal(value, c[name].type).label(name) for name, value in values.items())
    ).where(~is_settled)
    # Race: of two that see the same at once, the second waits here for the first and counts it up.
    added = postgresql.insert(DRIFT_ITEM).from_select(list(values), given)
    new = added.excluded
    is_graver = sa.func.array_position(_ORDER, new.severity) > sa.func.array_position(
        _ORDER, c.severity
    )
    return added.on_conflict_do_update(
        index_elements=[c.tenant_id, c.approval_id, c.fingerprint],
        index_where=sa.text(LIVE),
        set_={
            "seen_count": c.seen_count + new.seen_count,
            "last_seen_at": sa.func.greatest(c.last_seen_at, new.last_seen_at),
            "severity": sa.case((is_graver, new.severity), else_=c.severity),
            "summary": new.summary,
        },
    ).returning(*c)


def _item(row: sa.Row[tuple[object, ...]]) -> DriftItem:
    named = {str(name): value for name, value in zip(row._fields, row, strict=True)}
    return msgspec.convert(named, DriftItem)
