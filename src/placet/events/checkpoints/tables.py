"""How fold checkpoints are kept: a cache, thinned as it grows."""

import sqlalchemy as sa

from placet.events.checkpoints.model import EventFoldCheckpoint
from placet.storage.columns import table

FOLD_CHECKPOINT = table(
    "event_fold_checkpoint",
    EventFoldCheckpoint,
    sa.CheckConstraint("seq >= 1", name="seq_counts"),
    key=("stream_id", "fold", "seq"),
    deletes=True,
)
