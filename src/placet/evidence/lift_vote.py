"""What two people sign who lift a kill: the one who asks, and the other who agrees."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence import dsse
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import HexDigest, Ordinal
from placet.kernel.canonical import canonical
from placet.kernel.value import Input

LIFT_VOTE_TYPE: Final = "placet.vote.lift.v1"
REASON_MAX: Final = 1_000
TARGET_MAX: Final = 128


class LiftAct(StrEnum):
    """Which of the two speaks."""

    ASK = "ask"
    CONFIRM = "confirm"


class LiftVote(Input, frozen=True):
    """One person's word that a control is to be lifted, or is.

    `lift_id` is random, made by who asks, and signed by both. `kind`, `target` and `set_epoch` are
    those of the control, `reason` is the voter's own. `key_id` is the id of the key that signs.
    """

    tenant_id: UUID
    act: LiftAct
    lift_id: UUID
    control_id: UUID
    kind: Annotated[str, msgspec.Meta(pattern="^(tenant|agent|tool)$", max_length=6)]
    target: Annotated[str, msgspec.Meta(max_length=TARGET_MAX)]
    set_epoch: Ordinal
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]
    voter_id: UUID
    key_id: HexDigest


def sign_lift_vote(vote: LiftVote, key: SigningKey) -> Envelope:
    """Return the vote in its envelope."""
    return dsse.sign(LIFT_VOTE_TYPE, canonical(vote), key)


def verify_lift_vote(envelope: Envelope, keys: Sequence[PublicKey]) -> LiftVote:
    """Return the vote if one of `keys` signed it and it names that key.

    Refuses `envelope_refused` otherwise. Whether the voter may lift this control is for the caller
    to check.
    """
    key = dsse.verified_by(envelope, LIFT_VOTE_TYPE, keys)
    vote = dsse.open_payload(envelope.payload, LiftVote)
    if vote.key_id != key.key_id:
        raise EnvelopeRefused(
            detail="the vote names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return vote
