"""Whether a key may be enrolled, decided over values."""

from collections.abc import Collection, Sequence
from uuid import UUID

from placet.authority.model import (
    EnrolKey,
    EnrolmentFlaw,
    EnrolmentReason,
    KeyRevocation,
    KeyUse,
    PersonKey,
    ProofWanted,
)
from placet.evidence.vote import ProofOfPossession
from placet.kernel.ids import TenantId
from placet.tenancy.model import Actor, ActorKind, ActorStatus


def check_proof(
    proof: ProofOfPossession, *, tenant: TenantId, asked: EnrolKey, wanted: ProofWanted
) -> list[EnrolmentReason]:
    """Return what a proof whose signature holds says that was not asked for."""
    found = (proof.tenant_id, proof.actor_id, proof.challenge)
    if found == (tenant, asked.actor_id, wanted.challenge.hex()):
        return []
    return [
        EnrolmentReason(
            code=EnrolmentFlaw.PROOF_OF_ANOTHER,
            detail=f"the proof was made for another tenant or person, or not over {wanted.over}",
        )
    ]


def check_holder(actor: Actor | None) -> list[EnrolmentReason]:
    """Return what stands against this actor holding a key to vote with."""
    if actor is None:
        return [
            EnrolmentReason(
                code=EnrolmentFlaw.ACTOR_UNKNOWN, detail="there is no such person in this tenant"
            )
        ]
    reasons = []
    if actor.kind is not ActorKind.PERSON:
        reasons.append(
            EnrolmentReason(
                code=EnrolmentFlaw.NOT_A_PERSON,
                detail=f"`{actor.name}` is of kind `{actor.kind}`; only a person votes",
            )
        )
    if actor.status is not ActorStatus.ACTIVE:
        reasons.append(
            EnrolmentReason(code=EnrolmentFlaw.ACTOR_DISABLED, detail=f"`{actor.name}` is disabled")
        )
    return reasons


def check_free(enrolled: PersonKey | None, actor_id: UUID) -> list[EnrolmentReason]:
    """Return what stands against the key: it is somebody else's already."""
    if enrolled is None or enrolled.actor_id == actor_id:
        return []
    return [
        EnrolmentReason(
            code=EnrolmentFlaw.KEY_TAKEN, detail="the key is enrolled for another person"
        )
    ]


def check_use(uses: Collection[KeyUse]) -> list[EnrolmentReason]:
    """Return what stands against the key: it is no person's, but signs something else."""
    return [
        EnrolmentReason(
            code=EnrolmentFlaw.KEY_TAKEN, detail=f"the key signs something else: `{use}`"
        )
        for use in sorted(set(uses) - {KeyUse.PERSON})
    ]


def check_live(revocations: Sequence[KeyRevocation]) -> list[EnrolmentReason]:
    """Return what stands against the key: it was revoked, and never comes back."""
    return [
        EnrolmentReason(code=EnrolmentFlaw.KEY_REVOKED, detail="the key was revoked")
        for _ in revocations
    ]
