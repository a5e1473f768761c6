"""How controls and the gate's epoch are kept."""

import sqlalchemy as sa

from placet.authority.controls.model import Control, ControlGate
from placet.storage.columns import table

CONTROL_GATE = table("authority_control_gate", ControlGate, key=(), updates=("control_epoch",))
CONTROL = table(
    "authority_control",
    Control,
    sa.Index(
        "authority_control_in_force_ix",
        "tenant_id",
        "kind",
        "target",
        postgresql_where=sa.text("lifted_epoch IS NULL"),
    ),
    key=("control_id",),
    updates=("lifted_epoch",),
)
