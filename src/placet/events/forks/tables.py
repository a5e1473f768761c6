"""How forks are kept."""

import sqlalchemy as sa

from placet.events.forks.model import EventFork
from placet.storage.columns import table, tenant_foreign_key

EVENT_FORK = table(
    "event_fork",
    EventFork,
    tenant_foreign_key(("stream_id",), "event_stream(stream_id)"),
    tenant_foreign_key(("origin_id", "origin_seq"), "event(stream_id, seq)"),
    sa.Index(None, "tenant_id", "origin_id", "origin_seq"),
    sa.CheckConstraint("depth >= 1", name="depth_counts"),
    key=("stream_id",),
)
