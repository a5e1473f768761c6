"""Enrolling the keys that people vote with, and ending them."""

from uuid import UUID

from placet.authority import rules, store
from placet.authority.controls import store as controls
from placet.authority.model import (
    ArtifactNotFound,
    CompiledGovernanceArtifact,
    EnrolKey,
    EnrolmentFlaw,
    EnrolmentReason,
    EnrolmentRefused,
    KeyOfAnother,
    KeyRevocation,
    PersonKey,
    PersonKeyEnrolled,
    PersonKeyRevoked,
    ProofWanted,
    RevokeKey,
)
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence import dsse, vote
from placet.evidence.ed25519 import PublicKey, PublicKeyError
from placet.kernel.ids import ActorId, Ids
from placet.kernel.refusals import NotFound
from placet.kernel.value import Value
from placet.storage.database import Reading, Writing
from placet.tenancy import store as tenancy
from placet.tenancy.model import Actor


async def enrol_first_key(tx: Writing, asked: EnrolKey, wanted: ProofWanted, ids: Ids) -> PersonKey:
    """Enrol the key of one of the first approvers of a workspace; nobody confirms it.

    The proof must be over that workspace (`evidence.first_approver`). A key that the same person
    has enrolled already is returned as it is. Refuses `enrolment_refused` with every reason.
    """
    await check_key(tx, asked, wanted)
    return await enrol_key(tx, asked, [], ids)


async def check_key(tx: Writing, asked: EnrolKey, wanted: ProofWanted) -> PublicKey:
    """Return the key if nothing stands against enrolling it; it cannot end meanwhile.

    Refuses `enrolment_refused` with every reason.
    """
    await store.hold_keys(tx)
    reasons = rules.check_holder(await _find_actor(tx, asked))
    key = _proven(tx, asked, wanted, reasons)
    if key is not None:
        reasons += rules.check_use(await store.list_uses(tx, key.key_id))
        reasons += rules.check_free(await store.find_person_key(tx, key.key_id), asked.actor_id)
        reasons += rules.check_live(await store.list_revocations(tx, [key.key_id]))
    if key is None or reasons:
        raise refused(asked.actor_id, reasons)
    return key


async def enrol_key(
    tx: Writing, asked: EnrolKey, confirmed_by: list[ActorId], ids: Ids
) -> PersonKey:
    """Enrol a key that `check_key` found nothing against, unless it is enrolled already.

    Refuses `enrolment_refused` when another person was faster.
    """
    enrolled = PersonKey(
        tenant_id=tx.tenant_id,
        key_id=PublicKey(raw=asked.public_key).key_id,
        actor_id=asked.actor_id,
        public_key=asked.public_key,
        proof=asked.proof,
        confirmed_by=confirmed_by,
        enrolled_at=await tx.now(),
    )
    if await store.insert_person_key(tx, enrolled):
        await _tell(tx, _enrolled(enrolled), ids)
        return enrolled
    before = await store.find_person_key(tx, enrolled.key_id)
    if taken := rules.check_free(before, asked.actor_id):
        raise refused(asked.actor_id, taken)
    return before or enrolled


async def revoke_key(
    tx: Writing, key_id: str, asked: RevokeKey, ids: Ids, *, is_admin: bool
) -> KeyRevocation:
    """End a person's key: nothing that it signed counts after this. Done twice is fine.

    No vote by it is counted from the answer on, and no call granted by a standing grant that it
    signed: the end passes the gate alone, so it waits for grants under way.

    `is_admin` tells whether the caller may end another person's. Refuses `not_found` and
    `key_of_another`.
    """
    key = await store.get_person_key(tx, key_id)
    if not is_admin and key.actor_id != tx.actor_id:
        raise KeyOfAnother(detail="the key is enrolled for another person")
    await store.hold_keys_alone(tx)
    revocation = KeyRevocation(
        tenant_id=tx.tenant_id,
        key_id=key.key_id,
        revoked_by=tx.actor_id,
        reason=asked.reason,
        revoked_at=await tx.now(),
    )
    if not await store.insert_revocation(tx, revocation):
        (before,) = await store.list_revocations(tx, [key.key_id])
        return before
    said = PersonKeyRevoked(actor_id=key.actor_id, key_id=key.key_id, reason=asked.reason)
    # Race: a grant under way may have counted the key; whoever passes the gate later sees its end.
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
    await _tell(tx, said, ids)
    return revocation


async def get_artifact_by_hash(
    tx: Reading, compiled_hash: str, approval_id: UUID | None = None
) -> CompiledGovernanceArtifact:
    """Return what an approval compiled to this hash; without one, the newest that is not revoked.

    Where all of them are, the newest. Refuses `artifact_not_found`.
    """
    found = await store.list_artifacts_of(tx, compiled_hash, approval_id)
    if not found:
        raise ArtifactNotFound(detail="there is no artifact with this hash")
    killed = await controls.list_artifact_kills(tx, found)
    return await store.get_artifact(tx, next((one for one in found if one not in killed), found[0]))


def refused(actor_id: ActorId, reasons: list[EnrolmentReason]) -> EnrolmentRefused:
    """Return the refusal that names all of these reasons."""
    return EnrolmentRefused(
        detail="; ".join(reason.detail for reason in reasons), actor_id=actor_id, reasons=reasons
    )


def _proven(
    tx: Writing, asked: EnrolKey, wanted: ProofWanted, reasons: list[EnrolmentReason]
) -> PublicKey | None:
    """Return the key if the proof shows that its holder asks; add what does not hold."""
    try:
        key = PublicKey(raw=asked.public_key)
    except PublicKeyError as fault:
        reasons.append(EnrolmentReason(code=EnrolmentFlaw.KEY_UNSAFE, detail=str(fault)))
        return None
    try:
        proof = vote.verify_proof(dsse.parse_envelope(asked.proof), key)
    except dsse.EnvelopeRefused as fault:
        reasons.append(EnrolmentReason(code=EnrolmentFlaw.PROOF_INVALID, detail=fault.detail))
        return None
    reasons += rules.check_proof(proof, tenant=tx.tenant_id, asked=asked, wanted=wanted)
    return key


async def _find_actor(tx: Writing, asked: EnrolKey) -> Actor | None:
    try:
        return await tenancy.get_actor(tx, asked.actor_id)
    except NotFound:
        return None


def _enrolled(key: PersonKey) -> PersonKeyEnrolled:
    return PersonKeyEnrolled(
        actor_id=key.actor_id,
        key_id=key.key_id,
        public_key=key.public_key,
        proof=key.proof,
        confirmed_by=key.confirmed_by,
    )


async def _tell(tx: Writing, said: Value, ids: Ids) -> None:
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
