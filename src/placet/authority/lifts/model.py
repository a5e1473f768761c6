"""The lifting of a control, what is said of it, and why it may be refused."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from placet.authority.controls.model import ControlKind, Reason
from placet.kernel.ids import ActorId, TenantId
from placet.kernel.refusals import Action, Conflict, Forbidden
from placet.kernel.value import Input, Value
from placet.tenancy.model import ActorKind

OPEN_FOR: Final = timedelta(hours=1)
"""How long after somebody asked another may agree."""


class TwoPeopleNeeded(Forbidden):
    """Lifting a kill takes two people who are operators."""

    hint = "let another operator confirm, with a key of a person who holds that role"


class LiftNotAllowed(Conflict):
    """This control is not lifted this way."""

    action = Action.STOP
    hint = "read the control; a lift is confirmed within an hour, and a revoked approval stays so"


class Lift(Value, frozen=True):
    """Somebody's wish to lift a control; the last four are null until another agreed."""

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
    """Ask for a control to be lifted."""

    reason: Reason


class ConfirmLift(Input, frozen=True):
    """Agree, as another operator, that a control is lifted."""

    reason: Reason


class ControlLiftAsked(Value, frozen=True):
    """Event: an operator asked for a control to be lifted."""

    lift_id: UUID
    control_id: UUID
    kind: ControlKind
    target: str
    reason: str


class ControlLifted(Value, frozen=True):
    """Event: a control was lifted, by two people; it is in force no more."""

    lift_id: UUID
    control_id: UUID
    kind: ControlKind
    target: str
    asked_by: ActorId
    reason: str
    confirm_reason: str
