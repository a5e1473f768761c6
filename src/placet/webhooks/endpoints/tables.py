"""How endpoints are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.webhooks.endpoints.model import WebhookEndpoint

ENDPOINT = table(
    "webhooks_endpoint",
    WebhookEndpoint,
    tenant_foreign_key(["created_by"], "tenancy_actor(actor_id)"),
    sa.CheckConstraint("secret_number > 0", name="secret_number_positive"),
    key=("endpoint_id",),
    updates=(
        "status",
        "secret_number",
        "secret_key_id",
        "previous_key_id",
        "previous_until",
    ),
)
