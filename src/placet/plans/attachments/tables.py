"""How the last reports of instances are kept."""

from placet.plans.attachments.model import Attachment
from placet.storage.columns import table, tenant_foreign_key

ATTACHMENT = table(
    "plans_attachment",
    Attachment,
    tenant_foreign_key(["reported_by"], "tenancy_actor(actor_id)"),
    key=("agent", "environment", "instance_id"),
    updates=(
        "status",
        "compiled_hash",
        "reason",
        "sdk_version",
        "tool_count",
        "reported_by",
        "since",
        "last_seen_at",
    ),
    deletes=True,
)
