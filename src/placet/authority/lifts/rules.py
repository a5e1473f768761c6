"""Who may lift what."""

from datetime import datetime
from typing import Final

from msgspec.structs import asdict

from placet.authority.controls.model import Control, ControlKind
from placet.authority.lifts.model import Lift, LiftNotAllowed, LiftView, Operator, TwoPeopleNeeded
from placet.tenancy.model import ActorKind

LIFTED: Final = frozenset((ControlKind.TENANT, ControlKind.AGENT, ControlKind.TOOL))
"""What two people may lift. A revoked approval stays revoked."""


def check_operator(operator: Operator) -> None:
    """Refuse `two_people_needed` for what is no person, or no operator of the tenant."""
    if operator.kind is not ActorKind.PERSON:
        raise TwoPeopleNeeded(detail="only people lift a kill, and this key is not a person's")
    if not operator.is_operator:
        raise TwoPeopleNeeded(detail="it takes the role `operator` in the whole tenant")


def check_control(control: Control) -> None:
    """Refuse `lift_not_allowed` for what is lifted already, or never is."""
    if control.kind not in LIFTED:
        raise LiftNotAllowed(detail="a revoked approval is not put in force again")
    if control.lifted_epoch is not None:
        raise LiftNotAllowed(detail="this control was lifted before")


def check_confirmation(lift: Lift, asker: Operator, confirmer: Operator, now: datetime) -> None:
    """Refuse to lift unless two different people who are operators agree, and in time.

    Refuses `two_people_needed` and `lift_not_allowed`.
    """
    check_operator(confirmer)
    if confirmer.actor_id == asker.actor_id:
        raise TwoPeopleNeeded(detail="whoever asked cannot confirm")
    if not asker.is_operator:
        raise TwoPeopleNeeded(detail="whoever asked is no operator any more")
    if lift.confirmed_at is not None:
        raise LiftNotAllowed(detail="this lift was confirmed before")
    if now >= lift.lapses_at:
        raise LiftNotAllowed(detail="this lift was asked for more than an hour ago")


def check_keys(*, is_key_from_other: bool) -> None:
    """Refuse `two_people_needed` where one of the two may hold both keys."""
    if is_key_from_other:
        raise TwoPeopleNeeded(detail="one of the two issued an API key of the other")


def view_of(lift: Lift) -> LiftView:
    """Return a lift without the tenant, which the reader knows."""
    fields = asdict(lift)
    return LiftView(**{name: fields[name] for name in LiftView.__struct_fields__})
