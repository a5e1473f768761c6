"""How erasures are kept."""

import sqlalchemy as sa

from placet.audit.erasures.model import AuditErasure
from placet.storage.columns import table

ERASURE = table(
    "audit_erasure",
    AuditErasure,
    sa.CheckConstraint("from_seq >= 1 AND to_seq >= from_seq", name="range_counts"),
    key=("stream_id", "from_seq", "erasure_id"),
    app_inserts=False,
)
