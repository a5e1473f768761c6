"""Tenants, actors, roles and keys: what they are, and what a client may send."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, NewType
from uuid import UUID

import msgspec

from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Attributes, Environment, Scope, check_attributes
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input, Value

ApiKeyId = NewType("ApiKeyId", str)
"""12 characters of base32 in lower case; public, it stands in logs and lists."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]
"""A name that people read: 1 to 200 characters, not only blanks."""

AgentName = Annotated[
    str,
    msgspec.Meta(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(?!\n)$"),
]
"""The name of an agent: letters, digits, dot, dash and underscore."""


class ActorKind(StrEnum):
    """What an actor is. Only a person approves; only an agent or a service runs."""

    PERSON = "person"
    AGENT = "agent"
    SERVICE = "service"


class ActorStatus(StrEnum):
    """Whether an actor's keys are taken."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Role(StrEnum):
    """What an actor may do. Roles add up."""

    VIEWER = "viewer"
    AUTHOR = "author"
    APPROVER = "approver"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    ADMIN = "admin"


class Tenant(Value, frozen=True):
    """Whoever owns everything below."""

    tenant_id: TenantId
    name: str
    created_at: datetime


class Actor(Value, frozen=True):
    """A person, an agent or a service. Disabled, never removed."""

    tenant_id: TenantId
    actor_id: ActorId
    kind: ActorKind
    name: str
    status: ActorStatus
    created_at: datetime


class RoleGrant(Value, frozen=True):
    """One role of one actor, in the whole tenant or, with `workspace_id`, in one workspace."""

    tenant_id: TenantId
    grant_id: UUID
    actor_id: ActorId
    role: Role
    workspace_id: UUID | None
    granted_by: ActorId
    granted_at: datetime


class ApiKey(Value, frozen=True):
    """What is known of a key to its tenant: everything but its secret.

    `claims` are attributes of whoever a runtime key's agent acts for, set once, at its issue.
    """

    tenant_id: TenantId
    key_id: ApiKeyId
    actor_id: ActorId
    name: str
    scopes: list[Scope]
    agent: str | None
    environment: Environment | None
    created_by: ActorId
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    claims: Attributes = msgspec.field(default_factory=dict)


class ApiKeyLookup(Value, frozen=True):
    """What is looked up before a tenant is known. No tenant owns it, no application reads it."""

    key_id: ApiKeyId
    tenant_id: TenantId
    secret_hash: bytes


class ParsedKey(Value, frozen=True):
    """A key's text, taken apart: its id, and SHA-256 of its secret. The secret itself is gone."""

    key_id: ApiKeyId
    secret_hash: bytes


class CreateActor(Input, frozen=True):
    """Add a person, an agent or a service."""

    kind: ActorKind
    name: Name


class GrantRole(Input, frozen=True):
    """Give an actor a role; with `workspace_id`, in that workspace only."""

    actor_id: ActorId
    role: Role
    workspace_id: UUID | None = None


class IssueApiKey(Input, frozen=True):
    """Issue a key to an actor. `agent` and `environment` bind it, and a runtime key needs both.

    `claims` are attributes of whoever the agent acts for; only a runtime key has any.
    """

    actor_id: ActorId
    name: Name
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=len(Scope))]
    agent: AgentName | None = None
    environment: Environment | None = None
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    claims: Attributes = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse claims that are too long together."""
        check_attributes(self.claims)


class IssuedApiKey(Value, frozen=True):
    """A new key. `api_key` is its text, shown this once; null when the answer is a repeated one."""

    key: ApiKey
    api_key: str | None


class CreatedTenant(Value, frozen=True):
    """A new tenant, its first admin, and that admin's key, whose text is shown this once."""

    tenant: Tenant
    admin: Actor
    key: ApiKey
    api_key: str


class Me(Value, frozen=True):
    """Who the service takes the caller for."""

    tenant_id: TenantId
    actor: Actor
    roles: list[RoleGrant]
    key_id: str
    scopes: list[Scope]
    agent: str | None
    environment: Environment | None


class RoleNotNarrowed(Invalid):
    """Only the role of an approver can be given for one workspace."""

    hint = "leave `workspace_id` out: a key's scopes do not carry a workspace yet"


@dataclasses.dataclass(kw_only=True, eq=False)
class ApiKeyRefused(Invalid):
    """No key can be issued like this."""

    hint = "grant the actor a role that gives the scope, or ask for a narrower key"
    reasons: list[str]


class TenantCreated(Value, frozen=True):
    """Event: the tenant began."""

    tenant_id: TenantId
    name: str


class ActorCreated(Value, frozen=True):
    """Event: an actor was added."""

    actor_id: ActorId
    kind: ActorKind
    name: str


class ActorDisabled(Value, frozen=True):
    """Event: an actor's keys stopped counting."""

    actor_id: ActorId


class RoleGranted(Value, frozen=True):
    """Event: an actor may do more."""

    grant_id: UUID
    actor_id: ActorId
    role: Role
    workspace_id: UUID | None


class ApiKeyIssued(Value, frozen=True):
    """Event: a key began to speak for an actor."""

    key_id: ApiKeyId
    actor_id: ActorId
    name: str
    scopes: list[Scope]
    agent: str | None
    environment: Environment | None
    expires_at: datetime | None
    claims: Attributes = msgspec.field(default_factory=dict)


class ApiKeyRevoked(Value, frozen=True):
    """Event: a key stopped counting."""

    key_id: ApiKeyId
