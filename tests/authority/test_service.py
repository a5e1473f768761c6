"""Enrolling a person's key, and everything that it is refused for."""

from uuid import UUID

import pytest
from msgspec.structs import replace
from tests.conftest import Workplace, found
from tests.studio.story import Signer

from placet.authority import service, store
from placet.authority.model import EnrolKey, EnrolmentFlaw, EnrolmentRefused, PersonKey, ProofWanted
from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence import vote
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.kernel.ids import ActorId, Ids, TenantId
from placet.storage.database import Database
from placet.tenancy import service as tenancy
from placet.tenancy.model import ActorKind, CreateActor, Role

WANTED = ProofWanted(challenge=b"\x05" * 32)


@pytest.fixture
async def signer(workplace: Workplace) -> Signer:
    return Signer(*await workplace.person("ada", Role.APPROVER))


async def enrol(db: Database, workplace: Workplace, ids: Ids, asked: EnrolKey) -> PersonKey:
    async with db.writing(workplace.founder) as tx:
        return await service.enrol_first_key(tx, asked, WANTED, ids)


async def refusals(
    db: Database, workplace: Workplace, ids: Ids, asked: EnrolKey
) -> set[EnrolmentFlaw]:
    with pytest.raises(EnrolmentRefused) as refused:
        await enrol(db, workplace, ids, asked)
    async with db.reading(workplace.founder) as tx:
        assert await store.list_person_keys(tx, [ActorId(asked.actor_id)]) == []
    return {reason.code for reason in refused.value.reasons}


def enrolment(signer: Signer) -> EnrolKey:
    """Return a person's key with the proof that is wanted."""
    who = signer.principal
    proof = proven(who.tenant_id, who.actor_id, signer.key, WANTED.challenge)
    return EnrolKey(actor_id=who.actor_id, public_key=signer.key.public.raw, proof=proof)


def proven(tenant: TenantId, actor: ActorId, key: SigningKey, challenge: bytes) -> bytes:
    return encode_envelope(vote.sign_proof(tenant, actor, challenge, key))


async def test_an_enrolled_key_is_listed_and_told_of_in_the_authority_stream(
    db: Database, workplace: Workplace, ids: Ids, signer: Signer
) -> None:
    key = await enrol(db, workplace, ids, enrolment(signer))
    assert (key.key_id, key.actor_id) == (signer.key.key_id, signer.principal.actor_id)
    stream = tenant_stream(workplace.tenant_id, StreamKind.AUTHORITY)
    async with db.reading(workplace.founder) as tx:
        assert await store.list_person_keys(tx, [signer.principal.actor_id]) == [key]
        told = [event.type for event in await list_events(tx, stream, after=0, limit=100)]
    assert told[-1] == "PersonKeyEnrolled"


async def test_the_same_person_may_bring_the_same_key_again(
    db: Database, workplace: Workplace, ids: Ids, signer: Signer
) -> None:
    first = await enrol(db, workplace, ids, enrolment(signer))
    assert await enrol(db, workplace, ids, enrolment(signer)) == first


async def test_a_key_never_changes_hands(
    db: Database, workplace: Workplace, ids: Ids, signer: Signer
) -> None:
    await enrol(db, workplace, ids, enrolment(signer))
    thief = Signer(*await workplace.person("eve", Role.APPROVER), key=signer.key)
    flaws = await refusals(db, workplace, ids, enrolment(thief))
    assert flaws == {EnrolmentFlaw.KEY_TAKEN}


@pytest.mark.parametrize(
    "point", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32], ids=["zero", "one", "not_canonical"]
)
async def test_a_small_order_or_malformed_key_is_refused(
    db: Database, workplace: Workplace, ids: Ids, signer: Signer, point: bytes
) -> None:
    asked = replace(enrolment(signer), public_key=point)
    assert await refusals(db, workplace, ids, asked) == {EnrolmentFlaw.KEY_UNSAFE}


async def test_a_proof_that_another_key_signed_is_refused(
    db: Database, workplace: Workplace, ids: Ids, signer: Signer
) -> None:
    asked = replace(enrolment(signer), public_key=SigningKey.generate().public.raw)
    assert await refusals(db, workplace, ids, asked) == {EnrolmentFlaw.PROOF_INVALID}


async def test_a_proof_for_another_tenant_person_or_challenge_is_refused(
    db: Database, workplace: Workplace, ids: Ids, signer: Signer
) -> None:
    tenant, actor = workplace.tenant_id, signer.principal.actor_id
    other = (await found(db, ids)).tenant_id
    for proof in (
        proven(other, actor, signer.key, WANTED.challenge),
        proven(tenant, ActorId(UUID(int=7)), signer.key, WANTED.challenge),
        proven(tenant, actor, signer.key, bytes(31) + b"\x01"),
        proven(tenant, actor, signer.key, bytes(32)),
    ):
        asked = replace(enrolment(signer), proof=proof)
        assert await refusals(db, workplace, ids, asked) == {EnrolmentFlaw.PROOF_OF_ANOTHER}


async def test_only_a_person_who_is_active_here_holds_a_key(
    db: Database, workplace: Workplace, ids: Ids, signer: Signer
) -> None:
    async with db.writing(workplace.founder) as tx:
        agent = await tenancy.create_actor(tx, CreateActor(kind=ActorKind.AGENT, name="desk"), ids)
        await tenancy.disable_actor(tx, signer.principal.actor_id, ids)
    stranger = (await found(db, ids)).founder.actor_id
    for actor, flaw in (
        (agent.actor_id, EnrolmentFlaw.NOT_A_PERSON),
        (signer.principal.actor_id, EnrolmentFlaw.ACTOR_DISABLED),
        (stranger, EnrolmentFlaw.ACTOR_UNKNOWN),
    ):
        proof = proven(workplace.tenant_id, actor, signer.key, WANTED.challenge)
        asked = replace(enrolment(signer), actor_id=actor, proof=proof)
        assert await refusals(db, workplace, ids, asked) == {flaw}


async def test_every_reason_is_told_at_once(
    db: Database, workplace: Workplace, ids: Ids, signer: Signer
) -> None:
    asked = replace(enrolment(signer), actor_id=ActorId(UUID(int=7)), public_key=bytes(32))
    flaws = await refusals(db, workplace, ids, asked)
    assert flaws == {EnrolmentFlaw.ACTOR_UNKNOWN, EnrolmentFlaw.KEY_UNSAFE}
