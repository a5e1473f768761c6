"""What somebody signs who is asked whether calls may run."""

from collections.abc import Sequence
from enum import StrEnum
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

ASK_VOTE_TYPE: Final = "placet.vote.ask.v1"
ASKED_MAX: Final = 128
"""Calls that one vote may name: as many as a response may have."""

REASON_MAX: Final = 1_000

AskReason = Annotated[str, msgspec.Meta(min_length=1, max_length=REASON_MAX)]
"""Why, in 1 to 1,000 characters: of a rejection it goes back to the model."""


class AskDecision(StrEnum):
    """What the voter says of the calls."""

    APPROVE = "approve"
    REJECT = "reject"


class AskedCall(Input, frozen=True):
    """One call that the vote is about: what would run, and the view that the voter was shown.

    Both hashes are lower-case hex: `arguments_hash` of the foreign form of the arguments,
    `view_hash` of the view's bytes.
    """

    call_id: UUID
    arguments_hash: HexDigest
    view_hash: HexDigest


class AskVote(Input, frozen=True):
    """One person's word on one call, or on several calls of one step of a session.

    `calls` are sorted by id and each stands there once. `key_id` is the id of the key that signs,
    `latest_checkpoint` null before the tenant's log has one.
    """

    tenant_id: UUID
    workspace_id: UUID
    environment: Environment
    session_id: UUID
    decision: AskDecision
    calls: Annotated[tuple[AskedCall, ...], msgspec.Meta(min_length=1, max_length=ASKED_MAX)]
    reason: AskReason | None
    voter_id: UUID
    key_id: HexDigest
    latest_checkpoint: CheckpointSeen | None

    def __post_init__(self) -> None:
        """Refuse calls that are named twice or out of order, and a rejection without a reason."""
        named = [call.call_id.bytes for call in self.calls]
        if named != sorted(set(named)):
            message = "the calls of a vote are sorted by id, each once"
            raise ValueError(message)
        if self.decision is AskDecision.REJECT and self.reason is None:
            message = "a rejection says why"
            raise ValueError(message)


def sign_ask_vote(vote: AskVote, key: SigningKey) -> Envelope:
    """Return the vote in its envelope."""
    return dsse.sign(ASK_VOTE_TYPE, canonical(vote), key)


def verify_ask_vote(envelope: Envelope, keys: Sequence[PublicKey]) -> AskVote:
    """Return the vote if one of `keys` signed it and it names that key.

    Refuses `envelope_refused` otherwise. Whether the voter may vote, and on these calls, is for
    the caller to check.
    """
    key = dsse.verified_by(envelope, ASK_VOTE_TYPE, keys)
    vote = dsse.open_payload(envelope.payload, AskVote)
    if vote.key_id != key.key_id:
        raise EnvelopeRefused(
            detail="the vote names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return vote
