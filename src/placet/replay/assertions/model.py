"""What a session knows of whoever its agent acts for, and why an assertion may be refused."""

import dataclasses
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from placet.kernel.ids import TenantId
from placet.kernel.principal import Attributes
from placet.kernel.refusals import Action, Conflict, Invalid
from placet.kernel.value import Value


class UsedAssertion(Value, frozen=True):
    """That an assertion opened a session: it opens no second one."""

    tenant_id: TenantId
    issuer_id: UUID
    assertion_id: UUID
    session_id: UUID
    used_at: datetime


class Asserted(Value, frozen=True):
    """An assertion that was read, as far as the database judges it."""

    issuer_id: UUID
    assertion_id: UUID
    issued_at: datetime
    expires_at: datetime


class Acting(Value, frozen=True):
    """For whom a session is opened: all attributes, and the assertion and its envelope, if any."""

    principal: Attributes
    asserted: Asserted | None = None
    envelope: bytes | None = None


class AssertionFlaw(StrEnum):
    """What is wrong with an assertion."""

    MALFORMED = "malformed"
    ISSUER_UNKNOWN = "issuer_unknown"
    ISSUER_REVOKED = "issuer_revoked"
    SIGNATURE = "signature"
    OTHER_PLACE = "other_place"
    EARLY = "early"
    EXPIRED = "expired"
    USED = "used"
    TOO_LARGE = "too_large"


@dataclasses.dataclass(kw_only=True, eq=False)
class AssertionRefused(Invalid):
    """The word on whom the agent acts for does not count."""

    action = Action.STOP
    hint = "ask the issuer for a fresh assertion for this agent, environment and one session"
    flaw: AssertionFlaw


@dataclasses.dataclass(kw_only=True, eq=False)
class PrincipalConflict(Conflict):
    """The key and the issuer say different things of whom the agent acts for."""

    action = Action.STOP
    hint = "let the key or the issuer say it; where both do, they must say the same"
    attributes: list[str]
