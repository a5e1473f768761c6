"""A standing grant, its uses, and what decisions read of it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from placet.events.model import StreamId
from placet.evidence.ask_vote import AskReason
from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.value import Value

PER_TOOL_MAX: Final = 64
"""Standing grants in force for one tool of an agent in an environment."""

IN_FORCE_MAX: Final = 256
"""The same over all of the agent's tools there."""


class ReplayStandingGrant(Value, frozen=True):
    """A person's yes to up to `uses_max` calls until `expires_at`; `used` of them were granted.

    `rules` is the canonical JSON of the rules on arguments, `envelope` what was signed.
    """

    tenant_id: TenantId
    standing_id: UUID
    workspace_id: UUID
    agent: str
    environment: Environment
    tool_name: str
    rules: bytes
    schema_hash: HexDigest | None
    checkpoint_hash: HexDigest
    uses_max: int
    used: int
    reason: AskReason
    granted_by: ActorId
    key_id: HexDigest
    envelope: bytes
    granted_at: datetime
    expires_at: datetime
    revoked_by: ActorId | None
    revoke_reason: AskReason | None
    revoked_at: datetime | None


class ReplayStandingUse(Value, frozen=True):
    """A call that was granted by a standing grant: its `number`-th one."""

    tenant_id: TenantId
    standing_id: UUID
    number: int
    session_id: StreamId
    call_id: UUID
    used_at: datetime


class StandingFact(Value, frozen=True):
    """A standing grant in force for a session, as `standing_facts_v1` tells it."""

    standing_id: UUID
    tool: str
    rules: str
    schema_hash: HexDigest | None
    checkpoint_hash: HexDigest
    left: int


class StandingRevoked(Value, frozen=True):
    """Event: a standing grant is over; no call is granted by it from here on."""

    standing_id: UUID
    agent: str
    environment: Environment
    tool: str
    reason: AskReason
