"""How streams, headers and bodies are kept."""

from placet.events.model import Event, EventBody, EventStream, LogPending, SealPending
from placet.storage.columns import table

EVENT = table("event", Event, key=("stream_id", "seq"))
EVENT_BODY = table("event_body", EventBody, key=("stream_id", "seq"))
EVENT_STREAM = table(
    "event_stream", EventStream, key=("stream_id",), updates=("next_seq", "head", "last_at")
)
LOG_PENDING = table(
    "event_log_pending", LogPending, key=("at", "stream_id", "from_seq"), deletes=True
)
SEAL_PENDING = table("event_seal_pending", SealPending, key=("at", "stream_id"), deletes=True)
