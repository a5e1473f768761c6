"""Questions and changes about policies, exports, and streams that are due."""

from typing import Final

import sqlalchemy as sa

from placet.audit.retention.model import AuditExport, AuditExportStream
from placet.audit.retention.tables import EXPORT, EXPORT_STREAM
from placet.storage.database import Writing, fields_of

AT_ONCE: Final = 1_000
"""Rows of one statement."""


async def insert_export(tx: Writing, export: AuditExport, streams: list[AuditExportStream]) -> None:
    """Keep an export that was written to its end, and how far it holds each stream."""
    await tx.insert(EXPORT, export)
    for at in range(0, len(streams), AT_ONCE):
        some = [fields_of(each) for each in streams[at : at + AT_ONCE]]
        await tx.change(sa.insert(EXPORT_STREAM).values(some))
