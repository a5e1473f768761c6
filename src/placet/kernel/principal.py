"""Who is asking: what the key says, never what a body says."""

from enum import StrEnum
from uuid import UUID

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.value import Value


class Scope(StrEnum):
    """What a key may be used for. A route names the one that it needs."""

    RUNTIME = "runtime"
    READ = "read"
    AUTHOR = "author"
    APPROVE = "approve"
    OPERATE = "operate"
    AUDIT = "audit"
    ADMIN = "admin"


class Environment(StrEnum):
    """Where an agent runs. The three differ in what happens when nothing was approved."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class Principal(Value, frozen=True):
    """The caller of one request, as its API key was issued.

    `agent` and `environment` are set for runtime keys, which are bound to both. `key_id` and
    `secret_hash` are what the hot database functions verify again inside their transaction.
    """

    tenant_id: TenantId
    actor_id: ActorId
    key_id: str
    secret_hash: bytes
    scopes: frozenset[Scope]
    agent: str | None = None
    environment: Environment | None = None
    api_key_id: UUID | None = None
