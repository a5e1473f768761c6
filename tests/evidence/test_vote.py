"""Votes, proofs of possession and artifacts."""

import msgspec
import pytest
from tests.evidence.samples import (
    ARTIFACT_KEY,
    PERSON,
    PERSON_KEY,
    STRANGER_KEY,
    TENANT,
    sample_artifact,
    sample_vote,
)

from placet.evidence import dsse
from placet.evidence.artifact import ARTIFACT_TYPE, sign_artifact, verify_artifact
from placet.evidence.dsse import EnvelopeFlaw, EnvelopeRefused
from placet.evidence.vote import (
    APPROVAL_VOTE_TYPE,
    PROOF_TYPE,
    ApprovalVote,
    ProofOfPossession,
    VoteDecision,
    sign_proof,
    sign_vote,
    verify_proof,
    verify_vote,
)
from placet.kernel.canonical import canonical

ORDER = (
    "purpose tenant_id workspace_id environment request_id decision snapshot_id snapshot_hash "
    "view_hash source_hash command_history_hash compiler_version artifact_hash "
    "approval_policy_hash voter_id key_id latest_checkpoint"
)


def test_a_vote_comes_back_from_its_envelope() -> None:
    vote = sample_vote()
    assert verify_vote(sign_vote(vote, PERSON_KEY), [PERSON_KEY.public]) == vote


def test_a_vote_names_these_fields_in_this_order() -> None:
    assert " ".join(ApprovalVote.__struct_fields__) == ORDER


def test_a_yes_cannot_be_turned_into_a_no() -> None:
    yes = sign_vote(sample_vote(), PERSON_KEY)
    no = canonical(sample_vote(VoteDecision.REFUSE))
    forged = dsse.Envelope(payload=no, payload_type=APPROVAL_VOTE_TYPE, signatures=yes.signatures)
    with pytest.raises(EnvelopeRefused) as refused:
        verify_vote(forged, [PERSON_KEY.public])
    assert refused.value.flaw is EnvelopeFlaw.SIGNATURE


def test_a_vote_signed_by_another_key_than_it_names_is_refused() -> None:
    envelope = sign_vote(sample_vote(), STRANGER_KEY)
    with pytest.raises(EnvelopeRefused, match="another key"):
        verify_vote(envelope, [PERSON_KEY.public, STRANGER_KEY.public])


def test_a_vote_may_be_cast_before_there_is_a_checkpoint() -> None:
    vote = msgspec.structs.replace(sample_vote(), latest_checkpoint=None)
    assert verify_vote(sign_vote(vote, PERSON_KEY), [PERSON_KEY.public]) == vote


def test_a_proof_shows_the_holder_of_the_key() -> None:
    envelope = sign_proof(TENANT, PERSON, b"\x05" * 32, PERSON_KEY)
    proof = verify_proof(envelope, PERSON_KEY.public)
    assert (proof.actor_id, proof.challenge) == (PERSON, "05" * 32)


def test_a_proof_of_one_key_is_none_of_another() -> None:
    proof = verify_proof(sign_proof(TENANT, PERSON, bytes(32), PERSON_KEY), PERSON_KEY.public)
    borrowed = dsse.sign(PROOF_TYPE, canonical(proof), STRANGER_KEY)
    with pytest.raises(EnvelopeRefused, match="another key"):
        verify_proof(borrowed, STRANGER_KEY.public)
    with pytest.raises(EnvelopeRefused):
        verify_proof(borrowed, PERSON_KEY.public)


def test_a_proof_is_no_vote() -> None:
    envelope = sign_proof(TENANT, PERSON, bytes(32), PERSON_KEY)
    with pytest.raises(EnvelopeRefused) as refused:
        verify_vote(envelope, [PERSON_KEY.public])
    assert refused.value.flaw is EnvelopeFlaw.TYPE
    assert ProofOfPossession.__struct_fields__[0] == "tenant_id"


def test_an_artifact_comes_back_from_its_envelope() -> None:
    artifact = sample_artifact()
    envelope = sign_artifact(artifact, ARTIFACT_KEY)
    assert verify_artifact(envelope, [ARTIFACT_KEY.public]) == artifact
    assert envelope.payload == canonical(artifact)
    assert envelope.payload_type == ARTIFACT_TYPE


def test_an_artifact_signed_by_a_person_is_refused() -> None:
    envelope = sign_artifact(sample_artifact(), PERSON_KEY)
    with pytest.raises(EnvelopeRefused):
        verify_artifact(envelope, [ARTIFACT_KEY.public])


def test_an_artifact_holds_a_projection_with_any_json_number() -> None:
    artifact = msgspec.structs.replace(
        sample_artifact(), runtime='{"limit":0.5,"most":100000000000000000000}'
    )
    envelope = sign_artifact(artifact, ARTIFACT_KEY)
    assert verify_artifact(envelope, [ARTIFACT_KEY.public]) == artifact
