"""The lifting of a control, what is said of it, and why it may be refused."""

import dataclasses
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.authority.controls.model import ControlKind, Reason
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Action, Conflict, Forbidden, Invalid
from placet.kernel.value import Input, Value
from placet.tenancy.model import ActorKind

OPEN_FOR: Final = timedelta(hours=1)
"""How long after somebody asked another may agree."""


SignedVote = Annotated[bytes, msgspec.Meta(min_length=1, max_length=8_192)]
"""An envelope as JSON."""


class TwoPeopleNeeded(Forbidden):
    """Lifting a kill takes two people who are operators."""

    hint = "let another operator confirm, with a key of a person who holds that role"


class LiftNotAllowed(Conflict):
    """This control is not lifted this way."""

    action = Action.STOP
    hint = "read the control; a lift is confirmed within an hour, and a revoked approval stays so"


class LiftVoteFlaw(StrEnum):
    """What is wrong with a signed word on a lift."""

    MISSING = "missing"
    MALFORMED = "malformed"
    KEY_UNKNOWN = "key_unknown"
    KEY_REVOKED = "key_revoked"
    KEY_TOO_NEW = "key_too_new"
    SIGNATURE = "signature"
    OTHER_WORDS = "other_words"


@dataclasses.dataclass(kw_only=True, eq=False)
class LiftVoteRefused(Invalid):
    """The signed word on this lift does not count."""

    action = Action.STOP
    hint = "sign what is asked with your own enrolled key: `placet control lift`, then `confirm`"
    flaw: LiftVoteFlaw


class Lift(Value, frozen=True):
    """Somebody's wish to lift a control.

    `ask_vote` is the asker's signed word, null in a tenant where nobody has a key to sign with. The
    four after `lapses_at`, and `confirm_vote`, are null until another agreed.
    """

    tenant_id: TenantId
    lift_id: UUID
    control_id: UUID
    reason: str
    asked_by: ActorId
    asked_at: datetime
    lapses_at: datetime
    confirm_reason: str | None
    confirmed_by: ActorId | None
    confirmed_at: datetime | None
    lifted_epoch: int | None
    ask_vote: bytes | None = None
    confirm_vote: bytes | None = None


class LiftView(Value, frozen=True):
    """A lift as operators read it. With `lifted_epoch` grants pass from that epoch on."""

    lift_id: UUID
    control_id: UUID
    reason: str
    asked_by: ActorId
    asked_at: datetime
    lapses_at: datetime
    confirm_reason: str | None
    confirmed_by: ActorId | None
    confirmed_at: datetime | None
    lifted_epoch: int | None


class Operator(Value, frozen=True):
    """How somebody counts in the tenant now."""

    actor_id: ActorId
    kind: ActorKind
    is_operator: bool


class AskLift(Input, frozen=True):
    """Ask for a control to be lifted.

    `vote` is the envelope of a `placet.vote.lift.v1` as JSON, in base64. It names the lift's id.
    """

    reason: Reason
    vote: SignedVote | None = None


class ConfirmLift(Input, frozen=True):
    """Agree, as another operator, that a control is lifted; `vote` as for `AskLift`."""

    reason: Reason
    vote: SignedVote | None = None


class ControlLiftAsked(Value, frozen=True):
    """Event: an operator asked for a control to be lifted; `vote` is their signed word."""

    lift_id: UUID
    control_id: UUID
    kind: ControlKind
    target: str
    reason: str
    vote: str | None = None


class ControlLifted(Value, frozen=True):
    """Event: a control was lifted, by two people; it is in force no more.

    Both votes are the envelopes that the two signed, null where nobody has a key to sign with.
    """

    lift_id: UUID
    control_id: UUID
    kind: ControlKind
    target: str
    asked_by: ActorId
    reason: str
    confirm_reason: str
    ask_vote: str | None = None
    confirm_vote: str | None = None
