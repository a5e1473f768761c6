"""How orphan receipts are kept: only added to, and tied to nothing that a restore may lose."""

import sqlalchemy as sa

from placet.replay.orphans.model import ReplayOrphanReceipt
from placet.storage.columns import table, tenant_foreign_key

ORPHAN = table(
    "replay_orphan_receipt",
    ReplayOrphanReceipt,
    tenant_foreign_key(["reported_by"], "tenancy_actor(actor_id)"),
    sa.Index(
        "replay_orphan_receipt_effect_ix",
        "tenant_id",
        "agent",
        "environment",
        "effect_key",
        postgresql_where=sa.text("effect_key IS NOT NULL"),
    ),
    key=("receipt_id",),
)
