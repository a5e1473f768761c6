"""Questions about drift items, and the guarded changes of them."""

from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.storage.database import Writing, fields_of
from placet.studio.drift.model import DriftItem, DriftSeverity, DriftStatus
from placet.studio.drift.tables import DRIFT_ITEM, LIVE

_ORDER = postgresql.array([severity.value for severity in DriftSeverity], type_=sa.Text)


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
            c.status == DriftStatus.WAIVED,
            c.waived_until <= sa.func.clock_timestamp(),
        )
        .values(status=DriftStatus.OPEN, waived_until=None)
        .returning(*c)
    )
    return None if row is None else _item(row)


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
