"""What people sign: votes, and the proof that they hold the key that they enrol."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

from placet.evidence import dsse
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.fields import Count, HexDigest, Name
from placet.kernel.canonical import canonical
from placet.kernel.principal import Environment
from placet.kernel.value import Input

APPROVAL_VOTE_TYPE: Final = "placet.vote.approval.v1"
PROOF_TYPE: Final = "placet.proof_of_possession.v1"


class VotePurpose(StrEnum):
    """What the approval is for: to be in force, or to lie ready for break-glass."""

    ORDINARY = "ordinary"
    BREAK_GLASS = "break_glass"


class VoteDecision(StrEnum):
    """What the voter says."""

    APPROVE = "approve"
    REFUSE = "refuse"


class CheckpointSeen(Input, frozen=True):
    """The latest checkpoint of the tenant's log that the voter saw: its size and its root."""

    size: Count
    root: HexDigest


class ApprovalVote(Input, frozen=True):
    """One person's word on one frozen view of one snapshot.

    Every hash is lower-case hex. `latest_checkpoint` is null before the log has one. `key_id` is
    the id of the key that signs.
    """

    purpose: VotePurpose
    tenant_id: UUID
    workspace_id: UUID
    environment: Environment
    request_id: UUID
    decision: VoteDecision
    snapshot_id: UUID
    snapshot_hash: HexDigest
    view_hash: HexDigest
    source_hash: HexDigest
    command_history_hash: HexDigest
    compiler_version: Name
    artifact_hash: HexDigest
    approval_policy_hash: HexDigest
    voter_id: UUID
    key_id: HexDigest
    latest_checkpoint: CheckpointSeen | None


class ProofOfPossession(Input, frozen=True):
    """Says that whoever signs it holds the private half of `public_key`.

    `public_key` is the raw key in hex, `challenge` 32 bytes in hex: those that the service gave for
    this one enrolment, or for a first approver the hash of the workspace that is to be made
    (`evidence.first_approver`).
    """

    tenant_id: UUID
    actor_id: UUID
    key_id: HexDigest
    public_key: HexDigest
    challenge: HexDigest


def sign_vote(vote: ApprovalVote, key: SigningKey) -> Envelope:
    """Return the vote in its envelope."""
    return dsse.sign(APPROVAL_VOTE_TYPE, canonical(vote), key)


def verify_vote(envelope: Envelope, keys: Sequence[PublicKey]) -> ApprovalVote:
    """Return the vote if one of `keys` signed it and it names that key.

    Refuses `envelope_refused` otherwise. Whether the voter may vote, and on this, is for the
    caller to check.
    """
    key = dsse.verified_by(envelope, APPROVAL_VOTE_TYPE, keys)
    vote = dsse.open_payload(envelope.payload, ApprovalVote)
    if vote.key_id != key.key_id:
        raise EnvelopeRefused(
            detail="the vote names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return vote


def sign_proof(tenant_id: UUID, actor_id: UUID, challenge: bytes, key: SigningKey) -> Envelope:
    """Return the proof, in its envelope, that the actor holds this key."""
    proof = ProofOfPossession(
        tenant_id=tenant_id,
        actor_id=actor_id,
        key_id=key.key_id,
        public_key=key.public.raw.hex(),
        challenge=challenge.hex(),
    )
    return dsse.sign(PROOF_TYPE, canonical(proof), key)


def verify_proof(envelope: Envelope, key: PublicKey) -> ProofOfPossession:
    """Return the proof if `key` itself signed that it is this key.

    Refuses `envelope_refused` otherwise. The caller compares tenant, actor and challenge.
    """
    proof = dsse.read(envelope, PROOF_TYPE, [key], ProofOfPossession)
    if (proof.key_id, proof.public_key) != (key.key_id, key.raw.hex()):
        raise EnvelopeRefused(
            detail="the proof names another key than the one that signed it",
            flaw=EnvelopeFlaw.PAYLOAD,
        )
    return proof
