"""How standing grants and their uses are kept."""

import sqlalchemy as sa

from placet.replay.standing.model import ReplayStandingGrant, ReplayStandingUse
from placet.storage.columns import table, tenant_foreign_key

GRANT = table(
    "replay_standing_grant",
    ReplayStandingGrant,
    tenant_foreign_key(["granted_by"], "tenancy_actor(actor_id)"),
    tenant_foreign_key(["key_id"], "authority_person_key(key_id)"),
    sa.CheckConstraint("used >= 0 AND used <= uses_max", name="used_within"),
    sa.CheckConstraint(
        "(revoked_at IS NULL) = (revoked_by IS NULL)"
        " AND (revoked_at IS NULL) = (revoke_reason IS NULL)",
        name="revocation_told",
    ),
    # Only what never changes stands in it, so that a use touches no index.
    sa.Index(None, "tenant_id", "agent", "environment", "expires_at"),
    key=("standing_id",),
    updates=("used", "revoked_by", "revoke_reason", "revoked_at"),
    fillfactor=70,
)
USE = table(
    "replay_standing_use",
    ReplayStandingUse,
    tenant_foreign_key(["standing_id"], "replay_standing_grant(standing_id)"),
    tenant_foreign_key(["session_id", "call_id"], "replay_pending_call(session_id, call_id)"),
    key=("standing_id", "number"),
)
