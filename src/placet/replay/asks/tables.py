"""How asks, their votes and claims are kept."""

import sqlalchemy as sa

from placet.replay.asks.model import ReplayAsk, ReplayAskEdit, ReplayAskVote, ReplayClaim
from placet.storage.columns import table, tenant_foreign_key

ASK = table(
    "replay_ask",
    ReplayAsk,
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    sa.CheckConstraint("(status = 'open') = (decided_at IS NULL)", name="decision_told"),
    key=("session_id", "call_id"),
    updates=("status", "votes", "decided_at"),
)
ASK_VOTE = table(
    "replay_ask_vote",
    ReplayAskVote,
    tenant_foreign_key(["session_id", "call_id"], "replay_ask(session_id, call_id)"),
    key=("session_id", "call_id", "voter_id"),
)
ASK_EDIT = table(
    "replay_ask_edit",
    ReplayAskEdit,
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    tenant_foreign_key(["session_id", "new_call_id"], "replay_pending_call(session_id, call_id)"),
    sa.UniqueConstraint("tenant_id", "session_id", "new_call_id"),
    key=("session_id", "call_id"),
)
CLAIM = table(
    "replay_claim",
    ReplayClaim,
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    key=("session_id", "claim_id"),
)
