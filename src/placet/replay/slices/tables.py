"""How allowances are kept: one row for all, and rows of each session's own."""

import sqlalchemy as sa

from placet.replay.slices.model import ReplayAllowance, ReplaySlice, ReplayWideAmount
from placet.storage.columns import table, tenant_foreign_key

ALLOWANCE = table(
    "replay_allowance",
    ReplayAllowance,
    sa.CheckConstraint("reserved >= 0", name="reserved_counts"),
    key=("allowance_id",),
    updates=("reserved",),
    fillfactor=50,
)
SLICE = table(
    "replay_slice",
    ReplaySlice,
    tenant_foreign_key(["session_id"], "replay_session(session_id)"),
    tenant_foreign_key(["allowance_id"], "replay_allowance(allowance_id)"),
    sa.CheckConstraint("held >= 0", name="held_counts"),
    sa.CheckConstraint("used >= 0", name="used_counts"),
    sa.Index(
        "replay_slice_holding_ix",
        "tenant_id",
        "allowance_id",
        postgresql_where=sa.text("held > 0"),
    ),
    key=("session_id", "allowance_id"),
    updates=("held", "used"),
    fillfactor=70,
)
# No key leads to the allowance: checking it would write to the row that all sessions share.
WIDE_AMOUNT = table(
    "replay_wide_amount",
    ReplayWideAmount,
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    tenant_foreign_key(["session_id", "allowance_id"], "replay_slice(session_id, allowance_id)"),
    sa.CheckConstraint("value >= 0", name="value_counts"),
    sa.Index(
        "replay_wide_amount_counting_ix",
        "tenant_id",
        "allowance_id",
        "committed_at",
        postgresql_where=sa.text("released_at IS NULL"),
    ),
    key=("session_id", "call_id", "allowance_id"),
    updates=("committed_at", "released_at"),
    fillfactor=70,
)
