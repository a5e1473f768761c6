"""How people's keys, our keys and artifacts are kept: all of them only added to."""

import sqlalchemy as sa

from placet.authority.model import (
    CompiledGovernanceArtifact,
    KeyRevocation,
    PersonKey,
    ServerKey,
)
from placet.storage.columns import table, tenant_foreign_key

PERSON_KEY = table(
    "authority_person_key",
    PersonKey,
    tenant_foreign_key(["actor_id"], "tenancy_actor(actor_id)"),
    sa.Index(None, "tenant_id", "actor_id"),
    sa.CheckConstraint("octet_length(public_key) = 32", name="public_key_size"),
    key=("key_id",),
)
KEY_REVOCATION = table(
    "authority_key_revocation",
    KeyRevocation,
    tenant_foreign_key(["key_id"], "authority_person_key(key_id)"),
    # Who ended it may be the service itself, after a restore.
    key=("key_id",),
)
SERVER_KEY = table(
    "authority_server_key",
    ServerKey,
    sa.CheckConstraint("octet_length(public_key) = 32", name="public_key_size"),
    key=("key_id",),
    tenant=False,
)
ARTIFACT = table(
    "authority_artifact",
    CompiledGovernanceArtifact,
    sa.UniqueConstraint("tenant_id", "approval_id"),
    sa.UniqueConstraint("tenant_id", "artifact_id", "compiled_hash"),
    sa.Index(None, "tenant_id", "compiled_hash"),
    key=("artifact_id",),
)
