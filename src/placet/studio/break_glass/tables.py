"""How activations are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.break_glass.model import Activation

ACTIVATION = table(
    "studio_break_glass",
    Activation,
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    tenant_foreign_key(["approval_id"], "studio_approval(approval_id)"),
    tenant_foreign_key(
        ["artifact_id", "artifact_hash"], "authority_artifact(artifact_id, compiled_hash)"
    ),
    tenant_foreign_key(["opened_by"], "tenancy_actor(actor_id)"),
    tenant_foreign_key(["opener_key_id"], "authority_person_key(key_id)"),
    tenant_foreign_key(["confirmed_by"], "tenancy_actor(actor_id)"),
    tenant_foreign_key(["confirmer_key_id"], "authority_person_key(key_id)"),
    sa.CheckConstraint("minutes BETWEEN 1 AND 60", name="an_hour_at_most"),
    sa.CheckConstraint("confirmed_by <> opened_by", name="two_people"),
    sa.CheckConstraint(
        "num_nulls(confirmed_by, confirmer_key_id, confirmer_envelope, confirmed_at, ends_at)"
        " = CASE WHEN status IN ('active', 'ended') THEN 0 ELSE 5 END",
        name="confirmation_whole",
    ),
    sa.CheckConstraint(
        "ends_at > confirmed_at AND ends_at <= confirmed_at + minutes * interval '1 minute'",
        name="ends_in_time",
    ),
    sa.CheckConstraint(
        "(status IN ('open', 'active')) = (ended_at IS NULL)"
        " AND (status = 'ended') = (end_why IS NOT NULL)",
        name="end_told",
    ),
    sa.Index("studio_break_glass_list_ix", "tenant_id", "workspace_id", "activation_id"),
    sa.Index("studio_break_glass_pair_ix", "tenant_id", "workspace_id", "confirmed_at"),
    key=("activation_id",),
    updates=(
        "status",
        "confirmed_by",
        "confirmer_key_id",
        "confirmer_envelope",
        "confirmed_at",
        "ends_at",
        "end_why",
        "end_reason",
        "ended_by",
        "ended_at",
    ),
)
