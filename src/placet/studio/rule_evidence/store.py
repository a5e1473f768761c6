"""Questions about evidence, and the counters that rise."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.storage.database import Reading, Writing, fields_of
from placet.studio.rule_evidence.model import EvidenceEntry, EvidenceSource
from placet.studio.rule_evidence.tables import COUNTED_SOURCE, EVIDENCE

_BATCH = 500


async def add_counts(tx: Writing, entries: Sequence[EvidenceEntry]) -> None:
    """Add what entries count to what is there; a rule that has none yet gets one."""
    c = EVIDENCE.c
    for start in range(0, len(entries), _BATCH):
        rows = [fields_of(entry) for entry in entries[start : start + _BATCH]]
        added = postgresql.insert(EVIDENCE).values(rows)
        new = added.excluded
        await tx.change(
            added.on_conflict_do_update(
                index_elements=[c.tenant_id, c.approval_id, c.rule],
                set_={
                    "support_count": c.support_count + new.support_count,
                    "contradiction_count": c.contradiction_count + new.contradiction_count,
                    "last_observed_at": sa.func.greatest(c.last_observed_at, new.last_observed_at),
                },
            )
        )


async def insert_source(tx: Writing, source: EvidenceSource) -> bool:
    """Note that a source was counted for an approval. Returns False if it was before."""
    # Race: of two that count it at once, the second waits here for the first and counts nothing.
    added = postgresql.insert(COUNTED_SOURCE).values(fields_of(source))
    return await tx.change(added.on_conflict_do_nothing()) == 1


async def list_counted(tx: Reading, approval_id: UUID) -> set[UUID]:
    """Return the sources that were counted for an approval."""
    rows = await tx.rows(
        sa.select(COUNTED_SOURCE.c.source_id).where(
            COUNTED_SOURCE.c.tenant_id == tx.tenant_id,
            COUNTED_SOURCE.c.approval_id == approval_id,
        )
    )
    return {row.source_id for row in rows}


async def list_entries(
    tx: Reading, approval_id: UUID, *, after: str | None = None, limit: int | None = None
) -> list[EvidenceEntry]:
    """Return the entries of an approval by rule, all of them if no limit is named."""
    query = sa.select(EVIDENCE).where(
        EVIDENCE.c.tenant_id == tx.tenant_id, EVIDENCE.c.approval_id == approval_id
    )
    if after is not None:
        query = query.where(EVIDENCE.c.rule > after)
    return await tx.list(EvidenceEntry, query.order_by(EVIDENCE.c.rule).limit(limit))
