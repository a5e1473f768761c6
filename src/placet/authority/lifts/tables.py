"""How lifts are kept."""

import sqlalchemy as sa

from placet.authority.lifts.model import Lift
from placet.storage.columns import table, tenant_foreign_key

LIFT = table(
    "authority_lift",
    Lift,
    tenant_foreign_key(["control_id"], "authority_control(control_id)"),
    tenant_foreign_key(["asked_by"], "tenancy_actor(actor_id)"),
    tenant_foreign_key(["confirmed_by"], "tenancy_actor(actor_id)"),
    sa.CheckConstraint("confirmed_by <> asked_by", name="two_people"),
    sa.CheckConstraint("confirmed_at < lapses_at", name="confirmed_in_time"),
    sa.CheckConstraint(
        "num_nulls(confirm_reason, confirmed_by, confirmed_at, lifted_epoch) IN (0, 4)",
        name="confirmation_whole",
    ),
    sa.CheckConstraint(
        "confirmed_at IS NULL OR num_nulls(ask_vote, confirm_vote) <> 1", name="both_signed"
    ),
    sa.Index("authority_lift_list_ix", "tenant_id", "control_id", "lift_id"),
    sa.Index(
        "authority_lift_once_ix",
        "tenant_id",
        "control_id",
        unique=True,
        postgresql_where=sa.text("lifted_epoch IS NOT NULL"),
    ),
    key=("lift_id",),
    updates=("confirm_reason", "confirmed_by", "confirmed_at", "lifted_epoch", "confirm_vote"),
)
