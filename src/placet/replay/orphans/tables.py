"""How orphan receipts are kept: only added to, and tied to nothing that a restore may lose."""

from placet.replay.orphans.model import ReplayOrphanReceipt
from placet.storage.columns import table, tenant_foreign_key

ORPHAN = table(
    "replay_orphan_receipt",
    ReplayOrphanReceipt,
    tenant_foreign_key(["reported_by"], "tenancy_actor(actor_id)"),
    key=("receipt_id",),
)
