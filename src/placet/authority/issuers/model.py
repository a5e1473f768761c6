"""A registered issuer, its end, what a client may ask for, and what is said about it."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.authority.model import PUBLIC_KEY_BYTES, REASON_MAX
from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input, Value
from placet.tenancy.model import AgentName

NAME_MAX: Final = 200

IssuerName = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX, pattern=r"^\S")]
"""What people call the issuer."""


class Issuer(Value, frozen=True):
    """One registration of an issuer. `key_id` is SHA-256 of the key's SPKI form, in hex."""

    tenant_id: TenantId
    issuer_id: UUID
    name: str
    agent: str
    environment: Environment
    key_id: HexDigest
    public_key: bytes
    registered_by: ActorId
    registered_at: datetime


class IssuerRevocation(Value, frozen=True):
    """The end of a registration: no session is opened on what its key signed from here on."""

    tenant_id: TenantId
    issuer_id: UUID
    revoked_by: ActorId
    reason: str
    revoked_at: datetime


class RegisterIssuer(Input, frozen=True):
    """Register an issuer. `public_key` is the raw Ed25519 key that it signs assertions with."""

    name: IssuerName
    agent: AgentName
    environment: Environment
    public_key: Annotated[
        bytes, msgspec.Meta(min_length=PUBLIC_KEY_BYTES, max_length=PUBLIC_KEY_BYTES)
    ]


class RevokeIssuer(Input, frozen=True):
    """End a registration, and say why."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]


class IssuerView(Value, frozen=True):
    """A registration as people read it; the last three are null while it counts."""

    issuer_id: UUID
    name: str
    agent: str
    environment: Environment
    key_id: HexDigest
    public_key: bytes
    registered_by: ActorId
    registered_at: datetime
    revoked_by: ActorId | None
    revoke_reason: str | None
    revoked_at: datetime | None


class IssuerRegistered(Value, frozen=True):
    """Event: what this key signs about whoever that agent acts for counts from here on."""

    issuer_id: UUID
    name: str
    agent: str
    environment: Environment
    key_id: HexDigest
    public_key: bytes


class IssuerRevoked(Value, frozen=True):
    """Event: an issuer's registration ended; no session is opened on what its key signed."""

    issuer_id: UUID
    key_id: HexDigest
    reason: str


class IssuerKeyFlaw(StrEnum):
    """Why an issuer's key was not registered."""

    KEY_UNSAFE = "key_unsafe"
    KEY_TAKEN = "key_taken"


@dataclasses.dataclass(kw_only=True, eq=False)
class IssuerKeyRefused(Invalid):
    """The key is none that an issuer may sign with."""

    hint = "make a fresh Ed25519 key for this issuer; one key serves one purpose and one issuer"
    reason: IssuerKeyFlaw
