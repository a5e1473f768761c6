"""A standing grant as people see it, and what may stand against one."""

import dataclasses
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.ask_vote import AskReason
from placet.evidence.fields import HexDigest
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.principal import Environment
from placet.kernel.refusals import Invalid
from placet.kernel.value import Input, Value
from placet.policy.model import Approvers, Rule, SideEffect
from placet.studio.workspaces.model import WorkspaceId

LASTS_MAX: Final = timedelta(days=30)
"""How long a standing grant may be in force."""


class GiveStanding(Input, frozen=True):
    """Hand in a signed standing grant. `envelope` is the DSSE envelope as JSON."""

    envelope: msgspec.Raw


class RevokeStanding(Input, frozen=True):
    """End a standing grant for good, and say why."""

    reason: AskReason


class StandingTerms(Value, frozen=True):
    """What a standing grant of this tool signs of the contract in force, and whom that asks."""

    tenant_id: TenantId
    workspace_id: WorkspaceId
    agent: str
    environment: Environment
    tool: str
    side_effect: SideEffect
    schema_hash: HexDigest | None
    checkpoint_hash: HexDigest
    all_of: list[Approvers]


class StandingView(Value, frozen=True):
    """A standing grant, also one that is over. `arguments` are its rules."""

    standing_id: UUID
    workspace_id: WorkspaceId
    agent: str
    environment: Environment
    tool: str
    arguments: list[Rule]
    uses: int
    used: int
    reason: AskReason
    granted_by: ActorId
    granted_at: datetime
    expires_at: datetime
    revoked_by: ActorId | None
    revoke_reason: AskReason | None
    revoked_at: datetime | None


class StandingFlaw(StrEnum):
    """Why a standing grant is refused."""

    ENVELOPE_MALFORMED = "envelope_malformed"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE_INVALID = "signature_invalid"
    SIGNED_OTHERWISE = "signed_otherwise"
    KEY_DOES_NOT_COUNT = "key_does_not_count"
    NOT_AN_APPROVER = "not_an_approver"
    ROLE_MISSING = "role_missing"
    SEVERAL_PEOPLE = "several_people"
    NOTHING_IN_FORCE = "nothing_in_force"
    NEVER_ASKED = "never_asked"
    OTHER_TERMS = "other_terms"
    RULES_BAD = "rules_bad"
    TOO_LONG = "too_long"
    GIVEN_BEFORE = "given_before"
    TOO_MANY = "too_many"


class StandingObjection(Value, frozen=True):
    """One thing that stands against a standing grant."""

    code: StandingFlaw
    detail: str


@dataclasses.dataclass(kw_only=True, eq=False)
class StandingRefused(Invalid):
    """The standing grant does not count."""

    hint = "every reason is listed; all of them must go"
    reasons: list[StandingObjection]


class StandingGranted(Value, frozen=True):
    """Event: somebody said yes to calls that are yet to come; `envelope` in base64 says which."""

    standing_id: UUID
    workspace_id: WorkspaceId
    agent: str
    environment: Environment
    tool: str
    uses: int
    granted_by: ActorId
    key_id: HexDigest
    envelope: bytes
