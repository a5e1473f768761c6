"""What two operators sign to put in force, for a while, what was approved to stand by."""

from collections.abc import Sequence
from typing import Annotated, Final
from uuid import UUID

import msgspec

from placet.evidence import dsse
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import HexDigest
from placet.evidence.vote import CheckpointSeen
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment
from placet.kernel.value import Input

BREAK_GLASS_VOTE_TYPE: Final = "placet.vote.break_glass.v1"
MINUTES_MAX: Final = 60
REASON_MAX: Final = 1_000

Minutes = Annotated[int, msgspec.Meta(ge=1, le=MINUTES_MAX)]
"""For how long, from the second signature on."""

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]
"""Why, in the words of whoever opens it."""


class BreakGlassVote(Input, frozen=True):
    """One operator's word on one activation of what an approval lets stand by.

    Both operators sign the same but for `voter_id` and `key_id`. `activation_id` is chosen by
    whoever opens it and is used once. Every hash is lower-case hex.
    """

    tenant_id: UUID
    workspace_id: UUID
    environment: Environment
    activation_id: UUID
    approval_id: UUID
    artifact_hash: HexDigest
    minutes: Minutes
    reason: Reason
    voter_id: UUID
    key_id: HexDigest
    latest_checkpoint: CheckpointSeen | None


def sign_break_glass(vote: BreakGlassVote, key: SigningKey) -> Envelope:
    """Return the vote in its envelope."""
    return dsse.sign(BREAK_GLASS_VOTE_TYPE, canonical(vote), key)


def verify_break_glass(envelope: Envelope, keys: Sequence[PublicKey]) -> BreakGlassVote:
    """Return the vote if one of `keys` signed it and it names that key.

    Refuses `envelope_refused` otherwise. Who the voter is, and whether this may be activated, is
    for the caller to check.
    """
    key = dsse.verified_by(envelope, BREAK_GLASS_VOTE_TYPE, keys)
    vote = dsse.open_payload(envelope.payload, BreakGlassVote)
    if vote.key_id != key.key_id:
        raise EnvelopeRefused(
            detail="the vote names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return vote
