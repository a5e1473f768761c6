"""What an approver signs about somebody who asks to become one, or about a colleague's new key."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from placet.evidence import dsse
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import HexDigest, Name
from placet.evidence.vote import CheckpointSeen, VoteDecision
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment
from placet.kernel.value import Input

ENROLMENT_VOTE_TYPE: Final = "placet.vote.enrolment.v1"


class EnrolmentVote(Input, frozen=True):
    """One approver's word on one enrolment in one workspace.

    `actor_id`, `public_key` and `challenge` are those of the proof of possession, the last two in
    hex, and `enrolled_key_id` the id of that key. `groups` are those for which the key is to count,
    sorted. `key_id` is the id of the key that signs.
    """

    tenant_id: UUID
    workspace_id: UUID
    environment: Environment
    enrolment_id: UUID
    decision: VoteDecision
    actor_id: UUID
    enrolled_key_id: HexDigest
    public_key: HexDigest
    challenge: HexDigest
    groups: list[Name]
    voter_id: UUID
    key_id: HexDigest
    latest_checkpoint: CheckpointSeen | None


def sign_enrolment_vote(vote: EnrolmentVote, key: SigningKey) -> Envelope:
    """Return the vote in its envelope."""
    return dsse.sign(ENROLMENT_VOTE_TYPE, canonical(vote), key)


def verify_enrolment_vote(envelope: Envelope, keys: Sequence[PublicKey]) -> EnrolmentVote:
    """Return the vote if one of `keys` signed it and it names that key.

    Refuses `envelope_refused` otherwise. Whether the voter may vote, and on this, is for the
    caller to check.
    """
    key = dsse.verified_by(envelope, ENROLMENT_VOTE_TYPE, keys)
    vote = dsse.open_payload(envelope.payload, EnrolmentVote)
    if vote.key_id != key.key_id:
        raise EnvelopeRefused(
            detail="the vote names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return vote
