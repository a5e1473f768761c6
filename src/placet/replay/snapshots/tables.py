"""How snapshots of sessions are kept: a cache, so that they may be removed."""

import sqlalchemy as sa

from placet.replay.snapshots.model import ReplaySessionSnapshot
from placet.storage.columns import table, tenant_foreign_key

SESSION_SNAPSHOT = table(
    "replay_session_snapshot",
    ReplaySessionSnapshot,
    tenant_foreign_key(["session_id"], "replay_session(session_id)"),
    sa.CheckConstraint("seq >= 1", name="seq_counts"),
    key=("session_id", "seq"),
    deletes=True,
)
