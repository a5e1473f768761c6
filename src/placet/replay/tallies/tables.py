"""How tallies are kept: a row for each call that counts."""

import sqlalchemy as sa

from placet.replay.tallies.model import ReplayTallyMark
from placet.storage.columns import table, tenant_foreign_key

TALLY_MARK = table(
    "replay_tally_mark",
    ReplayTallyMark,
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    sa.CheckConstraint("num_nonnulls(value, digest) = 1", name="one_value"),
    sa.Index(
        "replay_tally_mark_value_ix",
        "tenant_id",
        "tally_id",
        "value",
        postgresql_where=sa.text("value IS NOT NULL"),
    ),
    sa.Index(
        "replay_tally_mark_digest_ix",
        "tenant_id",
        "tally_id",
        "digest",
        postgresql_where=sa.text("digest IS NOT NULL"),
    ),
    sa.Index(
        "replay_tally_mark_left_ix",
        "tenant_id",
        "tally_id",
        "committed_at",
        postgresql_where=sa.text("committed_at IS NOT NULL"),
    ),
    key=("session_id", "call_id", "tally_id"),
    updates=("committed_at",),
    deletes=True,
    fillfactor=70,
)
