"""How endings and the warnings before them are kept: only added to."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.studio.endings.model import ApprovalEnding, EndingWarning

ENDING = table(
    "studio_ending",
    ApprovalEnding,
    tenant_foreign_key(["approval_id"], "studio_approval(approval_id)"),
    tenant_foreign_key(["workspace_id"], "studio_workspace(workspace_id)"),
    sa.CheckConstraint(
        "(kind = 'revoked') = (reason IS NOT NULL AND control_id IS NOT NULL)",
        name="revocation_told",
    ),
    key=("approval_id", "kind"),
)
WARNING = table(
    "studio_ending_warning",
    EndingWarning,
    tenant_foreign_key(["approval_id"], "studio_approval(approval_id)"),
    key=("approval_id", "days_before"),
)
