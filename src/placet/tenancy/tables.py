"""How tenants, actors, grants and keys are kept."""

import sqlalchemy as sa

from placet.storage.columns import table, tenant_foreign_key
from placet.tenancy.model import Actor, ApiKey, ApiKeyLookup, RoleGrant, Tenant

TENANT = table("tenancy_tenant", Tenant, key=())
ACTOR = table("tenancy_actor", Actor, key=("actor_id",), updates=("status",))
ROLE_GRANT = table(
    "tenancy_role_grant",
    RoleGrant,
    tenant_foreign_key(["actor_id"], "tenancy_actor(actor_id)"),
    sa.Index("tenancy_role_grant_actor_ix", "tenant_id", "actor_id", "workspace_id"),
    key=("grant_id",),
)
API_KEY = table(
    "tenancy_api_key",
    ApiKey,
    tenant_foreign_key(["actor_id"], "tenancy_actor(actor_id)"),
    key=("key_id",),
    updates=("revoked_at",),
)
API_KEY_LOOKUP = table(
    "api_key_lookup", ApiKeyLookup, key=("key_id",), tenant=False, app_reads=False
)
