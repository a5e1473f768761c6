"""How the index is kept: derived rows, which may be made anew."""

import sqlalchemy as sa

from placet.audit.search.model import AuditEvent, AuditProgress, AuditTerm
from placet.storage.columns import table

AUDIT_EVENT = table(
    "audit_event",
    AuditEvent,
    sa.Index(None, "tenant_id", "at", "index"),
    sa.UniqueConstraint("tenant_id", "stream_id", "seq"),
    key=("index",),
    updates=(
        "agent_named",
        "call_id",
        "tool",
        "verdict",
        "rules",
        "arguments_hash",
        "effect_key",
    ),
    deletes=True,
)
AUDIT_TERM = table("audit_term", AuditTerm, key=("field", "value", "at", "index"), deletes=True)
AUDIT_PROGRESS = table("audit_progress", AuditProgress, key=(), updates=("form", "indexed_through"))
