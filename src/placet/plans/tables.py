"""How plans are kept."""

import sqlalchemy as sa

from placet.plans.model import GovernancePlan
from placet.storage.columns import table, tenant_foreign_key

PLAN = table(
    "plans_plan",
    GovernancePlan,
    tenant_foreign_key(
        ["artifact_id", "compiled_hash"], "authority_artifact(artifact_id, compiled_hash)"
    ),
    tenant_foreign_key(
        ["activated_artifact_id", "activated_hash"],
        "authority_artifact(artifact_id, compiled_hash)",
    ),
    sa.UniqueConstraint("tenant_id", "agent", "environment"),
    sa.CheckConstraint(
        "(status IN ('APPROVED', 'ENFORCING'))"
        " = (artifact_id IS NOT NULL AND compiled_hash IS NOT NULL AND approval_id IS NOT NULL"
        " AND approved_at IS NOT NULL)",
        name="in_force_has_artifact",
    ),
    sa.CheckConstraint("(artifact_id IS NULL) = (compiled_hash IS NULL)", name="artifact_has_hash"),
    sa.CheckConstraint(
        "num_nulls(activation_id, activated_artifact_id, activated_hash, activated_approval_id,"
        " activated_at, activated_until) IN (0, 6)",
        name="activation_whole",
    ),
    key=("plan_id",),
    updates=(
        "status",
        "version",
        "artifact_id",
        "compiled_hash",
        "approval_id",
        "enforcement",
        "unplanned",
        "approved_at",
        "approval_expires_at",
        "updated_at",
        "activation_id",
        "activated_artifact_id",
        "activated_hash",
        "activated_approval_id",
        "activated_at",
        "activated_until",
    ),
)
