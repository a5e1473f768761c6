"""How tool hosts and their ends are kept: only added to."""

import sqlalchemy as sa

from placet.authority.tool_hosts.model import ToolHost, ToolHostRevocation
from placet.storage.columns import table, tenant_foreign_key

TOOL_HOST = table(
    "authority_tool_host",
    ToolHost,
    tenant_foreign_key(["registered_by"], "tenancy_actor(actor_id)"),
    sa.UniqueConstraint("tenant_id", "key_id"),
    sa.CheckConstraint("octet_length(public_key) = 32", name="public_key_size"),
    sa.CheckConstraint("strength <> 'cooperative'", name="strength_of_a_host"),
    key=("host_id",),
)
TOOL_HOST_REVOCATION = table(
    "authority_tool_host_revocation",
    ToolHostRevocation,
    tenant_foreign_key(["host_id"], "authority_tool_host(host_id)"),
    # Who ended it may be the service itself, after a restore.
    key=("host_id",),
)
