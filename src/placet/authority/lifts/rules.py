"""Who may lift what."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from msgspec.structs import asdict, replace

from placet.authority.controls.model import Control, ControlKind
from placet.authority.lifts.model import (
    Lift,
    LiftNotAllowed,
    LiftView,
    LiftVoteFlaw,
    LiftVoteRefused,
    Operator,
    TwoPeopleNeeded,
)
from placet.authority.model import KeyRevocation, PersonKey
from placet.evidence.dsse import EnvelopeRefused, parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.evidence.lift_vote import LiftAct, LiftVote, verify_lift_vote
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


def check_signed(vote: bytes | None, *, is_anybody_enrolled: bool) -> None:
    """Refuse a word that is not signed, unless nobody in the tenant has a key to sign with.

    Where nobody has, nothing was ever approved, and no kill holds anything back.
    """
    if vote is None and is_anybody_enrolled:
        raise _refused(LiftVoteFlaw.MISSING, "people of this tenant have keys: sign with yours")


def read_vote(
    given: bytes,
    keys: Sequence[PersonKey],
    ended: Sequence[KeyRevocation],
    counting: Collection[str],
) -> LiftVote:
    """Return what somebody signed on a lift, by one of these keys of theirs.

    `counting` are the ids of those that were enrolled before the kill, or that somebody signed for
    whose own key was: one that was made for the lifting by whoever makes people is nobody's word.
    Refuses `lift_vote_refused`.
    """
    try:
        envelope = parse_envelope(given)
    except EnvelopeRefused as fault:
        raise _refused(LiftVoteFlaw.MALFORMED, fault.detail) from fault
    (signature,) = envelope.signatures
    key = next((one for one in keys if one.key_id == signature.keyid), None)
    if key is None:
        raise _refused(LiftVoteFlaw.KEY_UNKNOWN, "this is no enrolled key of whoever lifts")
    if any(one.key_id == key.key_id for one in ended):
        raise _refused(LiftVoteFlaw.KEY_REVOKED, "this key was revoked")
    if key.key_id not in counting:
        raise key_too_new()
    try:
        return verify_lift_vote(envelope, [PublicKey(raw=key.public_key)])
    except EnvelopeRefused as fault:
        raise _refused(LiftVoteFlaw.SIGNATURE, fault.detail) from fault


def check_vote(vote: LiftVote, wanted: LiftVote) -> None:
    """Refuse a word on something else than what is asked. The key is whoever signed it with."""
    if replace(vote, key_id=wanted.key_id) != wanted:
        raise _refused(LiftVoteFlaw.OTHER_WORDS, "the signed word is not on this lift as it stands")


def wanted_vote(act: LiftAct, control: Control, lift: Lift) -> LiftVote:
    """Return what is to be signed by one of the two, but for the key."""
    is_ask = act is LiftAct.ASK
    return LiftVote(
        tenant_id=lift.tenant_id,
        act=act,
        lift_id=lift.lift_id,
        control_id=control.control_id,
        kind=control.kind.value,
        target=control.target,
        set_epoch=control.set_epoch,
        reason=lift.reason if is_ask else lift.confirm_reason or "",
        voter_id=lift.asked_by if is_ask else lift.confirmed_by or lift.asked_by,
        key_id="",
    )


def key_too_new() -> LiftVoteRefused:
    """Return the refusal of a key that was enrolled after the kill, and is nobody's word yet."""
    return _refused(
        LiftVoteFlaw.KEY_TOO_NEW,
        "the key was enrolled after the kill, and no key from before it has signed for it,"
        " or it does not count yet",
    )


def _refused(flaw: LiftVoteFlaw, detail: str) -> LiftVoteRefused:
    return LiftVoteRefused(detail=detail, flaw=flaw)


def check_keys(*, is_key_from_other: bool) -> None:
    """Refuse `two_people_needed` where one of the two may hold both keys."""
    if is_key_from_other:
        raise TwoPeopleNeeded(detail="one of the two issued an API key of the other")


def view_of(lift: Lift) -> LiftView:
    """Return a lift without the tenant, which the reader knows."""
    fields = asdict(lift)
    return LiftView(**{name: fields[name] for name in LiftView.__struct_fields__})
