"""Enrolling the keys that people vote with, and keeping what was compiled."""

from placet.authority import rules, store
from placet.authority.model import (
    EnrolKey,
    EnrolmentFlaw,
    EnrolmentReason,
    EnrolmentRefused,
    PersonKey,
    PersonKeyEnrolled,
)
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence import dsse, vote
from placet.evidence.ed25519 import PublicKey, PublicKeyError
from placet.kernel.ids import Ids
from placet.kernel.refusals import NotFound
from placet.storage.database import Writing
from placet.tenancy import store as tenancy
from placet.tenancy.model import Actor


async def enrol_first_key(tx: Writing, asked: EnrolKey, ids: Ids) -> PersonKey:
    """Enrol the key of one of the first approvers of a workspace; nobody confirms it.

    A key that the same person has enrolled already is returned as it is. Refuses
    `enrolment_refused` with every reason.
    """
    reasons = rules.check_holder(await _find_actor(tx, asked))
    key = _proven(tx, asked, reasons)
    if key is None or reasons:
        raise _refused(asked, reasons)
    enrolled = PersonKey(
        tenant_id=tx.tenant_id,
        key_id=key.key_id,
        actor_id=asked.actor_id,
        public_key=key.raw,
        proof=asked.proof,
        confirmed_by=[],
        enrolled_at=await tx.now(),
    )
    if await store.insert_person_key(tx, enrolled):
        await _tell(tx, enrolled, ids)
        return enrolled
    before = await store.find_person_key(tx, key.key_id)
    if taken := rules.check_free(before, asked.actor_id):
        raise _refused(asked, taken)
    return before or enrolled


def _proven(tx: Writing, asked: EnrolKey, reasons: list[EnrolmentReason]) -> PublicKey | None:
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
    reasons += rules.check_proof(
        proof, tenant=tx.tenant_id, asked=asked, challenge=rules.NO_CHALLENGE
    )
    return key


async def _find_actor(tx: Writing, asked: EnrolKey) -> Actor | None:
    try:
        return await tenancy.get_actor(tx, asked.actor_id)
    except NotFound:
        return None


async def _tell(tx: Writing, key: PersonKey, ids: Ids) -> None:
    said = PersonKeyEnrolled(
        actor_id=key.actor_id,
        key_id=key.key_id,
        public_key=key.public_key,
        proof=key.proof,
        confirmed_by=key.confirmed_by,
    )
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])


def _refused(asked: EnrolKey, reasons: list[EnrolmentReason]) -> EnrolmentRefused:
    return EnrolmentRefused(
        detail="; ".join(reason.detail for reason in reasons),
        actor_id=asked.actor_id,
        reasons=reasons,
    )
