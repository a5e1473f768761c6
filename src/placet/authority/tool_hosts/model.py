"""A registered tool host, its end, what a client may ask for, and what is said about it."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

import msgspec

from placet.authority.model import PUBLIC_KEY_BYTES, REASON_MAX
from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input, Value

NAME_MAX: Final = 200
TOOLS_MAX: Final = 200

HostName = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX, pattern=r"^\S")]
"""What people call the host."""

HostedName = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}(?!\n)$", max_length=128)
]
"""A tool's name as contracts have it."""

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]


class Strength(StrEnum):
    """How far a tool is governed, the weakest first."""

    COOPERATIVE = "cooperative"
    PROXIED = "proxied"
    VERIFIED = "verified"

    @property
    def rank(self) -> int:
        """Return its place among the strengths: 0 is the weakest."""
        return tuple(Strength).index(self)


class ToolHost(Value, frozen=True):
    """One registration of a host. `key_id` is SHA-256 of the key's SPKI form, in hex."""

    tenant_id: TenantId
    host_id: UUID
    name: str
    environment: Environment
    strength: Strength
    tools: list[str]
    key_id: HexDigest
    public_key: bytes
    registered_by: ActorId
    registered_at: datetime


class ToolHostRevocation(Value, frozen=True):
    """The end of a registration: nothing that its key signed counts from here on."""

    tenant_id: TenantId
    host_id: UUID
    revoked_by: ActorId
    reason: str
    revoked_at: datetime


class RegisterToolHost(Input, frozen=True):
    """Register a host. `public_key` is the raw Ed25519 key that it signs receipts with."""

    name: HostName
    environment: Environment
    strength: Literal["proxied", "verified"]
    tools: Annotated[list[HostedName], msgspec.Meta(min_length=1, max_length=TOOLS_MAX)]
    public_key: Annotated[
        bytes, msgspec.Meta(min_length=PUBLIC_KEY_BYTES, max_length=PUBLIC_KEY_BYTES)
    ]


class RevokeToolHost(Input, frozen=True):
    """End a registration, and say why."""

    reason: Reason


class ToolHostView(Value, frozen=True):
    """A registration as people read it; the last three are null while it counts."""

    host_id: UUID
    name: str
    environment: Environment
    strength: Strength
    tools: list[str]
    key_id: HexDigest
    public_key: bytes
    registered_by: ActorId
    registered_at: datetime
    revoked_by: ActorId | None
    revoke_reason: str | None
    revoked_at: datetime | None


class ToolHostRegistered(Value, frozen=True):
    """Event: what this key signs about these tools in this environment counts from here on."""

    host_id: UUID
    name: str
    environment: Environment
    strength: Strength
    tools: list[str]
    key_id: HexDigest
    public_key: bytes


class ToolHostRevoked(Value, frozen=True):
    """Event: a registration ended; nothing that its key signs counts after this."""

    host_id: UUID
    key_id: HexDigest
    reason: str


class HostKeyFlaw(StrEnum):
    """Why a host's key was not registered."""

    KEY_UNSAFE = "key_unsafe"
    KEY_TAKEN = "key_taken"


@dataclasses.dataclass(kw_only=True, eq=False)
class HostKeyRefused(Invalid):
    """The key is none that a tool host may sign with."""

    hint = "make a fresh Ed25519 key for this host; one key serves one purpose and one host"
    reason: HostKeyFlaw
