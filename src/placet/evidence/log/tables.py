"""How a log is kept: its entries, its head, and a cache of its tree."""

import sqlalchemy as sa

from placet.evidence.log.model import LogEntry, LogHead, LogTile
from placet.storage.columns import table

LOG_ENTRY = table(
    "evidence_log_entry",
    LogEntry,
    sa.UniqueConstraint("tenant_id", "stream_id", "seq"),
    sa.CheckConstraint("index >= 0", name="index_counts"),
    key=("index",),
)
LOG_TILE = table("evidence_log_tile", LogTile, key=("level", "index"), updates=("hashes",))
LOG = table(
    "evidence_log",
    LogHead,
    sa.CheckConstraint("owed <= size", name="owed_is_there"),
    key=(),
    updates=("size", "root", "owed", "mark"),
    fillfactor=50,
)
