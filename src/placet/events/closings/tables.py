"""How the ends of streams are kept."""

from placet.events.closings.model import EventClose
from placet.storage.columns import table, tenant_foreign_key

EVENT_CLOSE = table(
    "event_close",
    EventClose,
    tenant_foreign_key(("stream_id", "last_seq"), "event(stream_id, seq)"),
    key=("stream_id",),
)
