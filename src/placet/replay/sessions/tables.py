"""How sessions are kept: one row, one lock."""

import sqlalchemy as sa

from placet.replay.sessions.model import ReplaySession
from placet.storage.columns import table, tenant_foreign_key

REPLAY_SESSION = table(
    "replay_session",
    ReplaySession,
    tenant_foreign_key(["artifact_id"], "authority_artifact(artifact_id)"),
    sa.CheckConstraint("fence >= 0 AND epoch >= 1", name="fence_order"),
    sa.CheckConstraint("(status IN ('active', 'closing')) = (ended_at IS NULL)", name="end_told"),
    sa.Index(
        "replay_session_recent_ix",
        "tenant_id",
        "agent",
        "environment",
        "created_at",
        "session_id",
    ),
    sa.Index(
        "replay_session_open_under_ix",
        "tenant_id",
        "artifact_id",
        postgresql_where=sa.text("ended_at IS NULL"),
    ),
    key=("session_id",),
    updates=(
        "status",
        "state_version",
        "control_revision",
        "current_phase",
        "total_tool_calls",
        "total_step_count",
        "state",
        "holder",
        "epoch",
        "fence",
        "lease_request_id",
        "lease_expires_at",
        "next_request_seq",
        "next_seq",
        "head",
        "last_event_at",
        "next_due_at",
        "ended_at",
        "ended_why",
        "authority_until",
        "labels",
        "filtered",
        "waiting_since",
        "waited_us",
        "compromised_at",
        "stopped_by_call",
    ),
    fillfactor=70,
)
