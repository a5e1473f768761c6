"""How seals are kept: one row per ended session, never changed."""

import sqlalchemy as sa

from placet.replay.seals.model import ReplaySessionSeal
from placet.storage.columns import table, tenant_foreign_key

SESSION_SEAL = table(
    "replay_session_seal",
    ReplaySessionSeal,
    tenant_foreign_key(["session_id"], "replay_session(session_id)"),
    sa.CheckConstraint("last_seq >= 1", name="last_seq_counts"),
    # What was closed long ago comes first.
    sa.Index("replay_session_seal_at_ix", "tenant_id", "sealed_at", "session_id"),
    key=("session_id",),
)
