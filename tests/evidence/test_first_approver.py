"""What a first approver's proof is over: everything of the workspace that is known beforehand."""

import hashlib
from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.evidence.samples import PERSON, PERSON_KEY, TENANT, sample_naming, uuid_of

from placet.evidence.first_approver import first_challenge, first_naming, sign_first_proof
from placet.evidence.vote import verify_proof
from placet.kernel.principal import Environment

OTHERWISE: dict[str, dict[str, object]] = {
    "tenant": {"tenant_id": UUID(int=9)},
    "agent": {"agent": "desk2"},
    "environment": {"environment": Environment.STAGING},
    "groups": {"groups": ("legal",)},
    "no group": {"groups": ()},
    "predecessor": {"succeeds": uuid_of("a later archived workspace")},
    "no predecessor": {"succeeds": None},
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_the_challenge_is_another_for_everything_that_is_named(what: str) -> None:
    named = sample_naming()
    assert first_challenge(replace(named, **OTHERWISE[what])) != first_challenge(named)


def test_the_challenge_is_the_hash_of_the_canonical_naming() -> None:
    named = first_naming(TENANT, "desk", Environment.STAGING, ["risk"])
    text = (
        '{"agent":"desk","environment":"staging","groups":["risk"],"succeeds":null,'
        f'"tenant_id":"{TENANT}"}}'
    )
    told = hashlib.sha256(b"placet.first_approver.v1\x00" + text.encode()).digest()
    assert first_challenge(named) == told


def test_groups_are_named_in_order_and_once() -> None:
    named = first_naming(TENANT, "desk", Environment.STAGING, ["risk", "legal", "risk"])
    assert named.groups == ("legal", "risk")


def test_the_proof_is_over_the_challenge() -> None:
    shown = verify_proof(sign_first_proof(sample_naming(), PERSON, PERSON_KEY), PERSON_KEY.public)
    assert (shown.tenant_id, shown.actor_id) == (TENANT, PERSON)
    assert shown.challenge == first_challenge(sample_naming()).hex()
