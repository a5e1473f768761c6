"""How lost ranges are kept: one row for each tenant and raise of the epoch, closed once."""

import sqlalchemy as sa

from placet.authority.recovery.model import AuthorityRecovery
from placet.storage.columns import table, tenant_foreign_key

RECOVERY = table(
    "authority_recovery",
    AuthorityRecovery,
    tenant_foreign_key(["closed_by"], "tenancy_actor(actor_id)"),
    sa.CheckConstraint("epoch > from_epoch AND from_epoch >= 1", name="epoch_raised"),
    sa.CheckConstraint(
        "(closed_at IS NULL) = (closed_by IS NULL) AND (closed_at IS NULL) = (closed_epoch IS NULL)"
        " AND (closed_at IS NULL) = (close_reason IS NULL)",
        name="close_told",
    ),
    key=("epoch",),
    updates=(
        "closed_at",
        "closed_by",
        "close_reason",
        "closed_epoch",
        "told_seq",
        "lost_ends",
    ),
)
