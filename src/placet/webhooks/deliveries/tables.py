"""How the outbox is kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.webhooks.deliveries.model import WebhookDelivery

DELIVERY = table(
    "webhooks_delivery",
    WebhookDelivery,
    tenant_foreign_key(["endpoint_id"], "webhooks_endpoint(endpoint_id)"),
    tenant_foreign_key(["stream_id", "seq"], "event(stream_id, seq)"),
    sa.Index(
        "webhooks_delivery_due_ix",
        "tenant_id",
        "endpoint_id",
        "next_at",
        postgresql_where=sa.text("status = 'due'"),
    ),
    # What stands in the way of what comes later in its stream.
    sa.Index(
        "webhooks_delivery_open_ix",
        "tenant_id",
        "endpoint_id",
        "stream_id",
        "seq",
        postgresql_where=sa.text("status IN ('due', 'dead')"),
    ),
    sa.Index(None, "tenant_id", "endpoint_id", "status", "event_id"),
    # What is forgotten next.
    sa.Index(
        "webhooks_delivery_settled_ix",
        "tenant_id",
        "settled_at",
        postgresql_where=sa.text("status IN ('delivered', 'skipped', 'dropped')"),
    ),
    key=("endpoint_id", "event_id"),
    updates=(
        "status",
        "attempts",
        "first_tried_at",
        "next_at",
        "claim_number",
        "claim_until",
        "last_status",
        "last_fault",
        "settled_at",
    ),
    deletes=True,
)
