"""How prepared requests, calls, receipts and effect keys are kept."""

import sqlalchemy as sa

from placet.replay.calls.model import (
    ReplayAmount,
    ReplayEffectKey,
    ReplayExecutionReceipt,
    ReplayKept,
    ReplayPendingCall,
    ReplayPreparedRequest,
    ReplaySettlement,
)
from placet.storage.columns import table, tenant_foreign_key

LEGAL_TRIPLES = """
(status IN ('blocked', 'held', 'awaiting_approval', 'denied', 'expired', 'cancelled', 'superseded')
    AND execution_state = 'not_started' AND commit_state = 'not_required')
OR (status = 'shadowed' AND execution_state <> 'started')
OR (status = 'granted'
    AND execution_state IN ('not_started', 'started', 'succeeded', 'failed', 'unknown')
    AND commit_state IN ('awaiting_evidence', 'not_required'))
OR (status = 'unknown' AND execution_state = 'unknown'
    AND commit_state IN ('awaiting_evidence', 'not_required'))
OR (status = 'settled' AND execution_state = 'succeeded'
    AND commit_state IN ('committed', 'not_required'))
OR (status = 'settled' AND execution_state = 'failed'
    AND commit_state IN ('refused', 'not_required'))
OR (status = 'abandoned' AND execution_state = 'not_started'
    AND commit_state IN ('refused', 'not_required'))
"""

DUE = "CASE WHEN grant_expires_at IS NULL THEN deadline_at ELSE grant_expires_at END"
"""When something must become of a call that is granted or waits for people.

No `coalesce`: Postgres knows of none that it leaks nothing, and serves it by no index under
row-level security.
"""

PREPARED_REQUEST = table(
    "replay_prepared_request",
    ReplayPreparedRequest,
    tenant_foreign_key(["session_id"], "replay_session(session_id)"),
    # As below: never as good as the primary key where one row of a session is looked for.
    sa.UniqueConstraint("tenant_id", "request_seq", "session_id"),
    sa.CheckConstraint("(consumed_at IS NULL) = (answer IS NULL)", name="consumed_answered"),
    key=("session_id", "prepared_request_id"),
    updates=(
        "consumed_at",
        "consumed_epoch",
        "consumed_fence",
        "consumed_holder",
        "decided_version",
        "proposal_hash",
        "answer",
    ),
    fillfactor=70,
)
PENDING_CALL = table(
    "replay_pending_call",
    ReplayPendingCall,
    tenant_foreign_key(
        ["session_id", "prepared_request_id"],
        "replay_prepared_request(session_id, prepared_request_id)",
    ),
    sa.UniqueConstraint("tenant_id", "prepared_request_id", "session_id", "ordinal"),
    sa.CheckConstraint(LEGAL_TRIPLES, name="legal_triple"),
    sa.CheckConstraint(
        "(status IN ('granted', 'unknown', 'settled', 'abandoned')) = (granted_at IS NOT NULL)",
        name="granted_told",
    ),
    # Only what no settlement changes stands in these, so that one touches no index. No search for
    # one call of a session can take either for the primary key.
    sa.Index(
        "replay_pending_call_due_ix",
        "tenant_id",
        "session_id",
        sa.text(f"({DUE})"),
        postgresql_where=sa.text(f"({DUE}) IS NOT NULL"),
    ),
    sa.Index(
        "replay_pending_call_asked_ix",
        "tenant_id",
        "deadline_at",
        "call_id",
        postgresql_where=sa.text("deadline_at IS NOT NULL"),
    ),
    key=("session_id", "call_id"),
    updates=(
        "evidence_level",
        "execution_state",
        "commit_state",
        "status",
        "blocked_why",
        "granted_at",
        "grant_expires_at",
        "grant_epoch",
        "grant_fence",
        "grant_control_epoch",
        "grant_control_revision",
        "start_id",
        "started_at",
        "settled_at",
        "committed_at",
        "settled_by",
        "counts",
        "phase_at_grant",
        "cost_micros",
    ),
    fillfactor=70,
)
RECEIPT = table(
    "replay_execution_receipt",
    ReplayExecutionReceipt,
    tenant_foreign_key(
        ["session_id", "pending_call_id"], "replay_pending_call(session_id, call_id)"
    ),
    sa.UniqueConstraint("tenant_id", "pending_call_id", "session_id", "idempotency_key"),
    key=("session_id", "receipt_id"),
)
EFFECT_KEY = table(
    "replay_effect_key",
    ReplayEffectKey,
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    sa.Index(
        "replay_effect_key_taken_ix",
        "tenant_id",
        "agent",
        "environment",
        "effect_key",
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    ),
    key=("session_id", "call_id"),
    updates=("released_at",),
)
SETTLEMENT = table(
    "replay_settlement",
    ReplaySettlement,
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    tenant_foreign_key(["session_id", "reconciled_by"], "replay_pending_call(session_id, call_id)"),
    key=("session_id", "settlement_id"),
)
KEPT = table(
    "replay_kept",
    ReplayKept,
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    key=("session_id", "kind", "name", "number"),
)
AMOUNT = table(
    "replay_amount",
    ReplayAmount,
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    key=("session_id", "call_id", "name"),
    updates=("committed_at", "released_at"),
    fillfactor=70,
)
