"""How policies, recorded exports and closed streams that have bodies are kept."""

import sqlalchemy as sa

from placet.audit.retention.model import (
    AuditClosed,
    AuditExport,
    AuditExportStream,
    AuditPruned,
    AuditRetention,
)
from placet.storage.columns import table, tenant_foreign_key

RETENTION = table(
    "audit_retention",
    AuditRetention,
    sa.CheckConstraint("days >= 0", name="days_count"),
    key=("stream_class",),
    updates=("days", "set_by", "set_at"),
)
EXPORT = table(
    "audit_export",
    AuditExport,
    sa.CheckConstraint("octet_length(sha256) = 32", name="sha256_size"),
    key=("export_id",),
)
EXPORT_STREAM = table(
    "audit_export_stream",
    AuditExportStream,
    tenant_foreign_key(["export_id"], "audit_export(export_id)"),
    key=("stream_id", "to_seq", "export_id"),
)
CLOSED = table(
    "audit_closed",
    AuditClosed,
    sa.Index(None, "tenant_id", "stream_class", "closed_at", "stream_id"),
    key=("stream_id",),
    deletes=True,
    app_inserts=False,
)
PRUNED = table(
    "audit_pruned",
    AuditPruned,
    key=("stream_class",),
    updates=("streams",),
    app_inserts=False,
)
