"""How the places of events are kept."""

import sqlalchemy as sa

from placet.events.places.model import EventPlace
from placet.storage.columns import table

EVENT_PLACE = table(
    "event_place",
    EventPlace,
    sa.Index(
        None,
        "tenant_id",
        "stream_id",
        "parent_id",
        "seq",
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    ),
    sa.CheckConstraint("seq >= 1", name="seq_counts"),
    key=("stream_id", "event_id"),
)
