"""Ways into a workspace that tests take: asking, signing about it, handing that in."""

from uuid import UUID

import msgspec
from msgspec.structs import asdict
from tests.studio.story import Signer, Story

from placet.evidence import vote as evidence
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.enrolment import EnrolmentVote, sign_enrolment_vote
from placet.evidence.vote import VoteDecision
from placet.kernel.principal import Principal
from placet.studio.enrolments import confirming, service
from placet.studio.enrolments.model import (
    AskEnrolment,
    ConfirmEnrolment,
    EnrolmentAnswer,
    EnrolmentChallenge,
)


async def challenge(story: Story, who: Principal) -> EnrolmentChallenge:
    """Return a fresh challenge for somebody."""
    async with story.db.writing(who) as tx:
        return await service.issue_challenge(tx, story.ids)


def asking(
    workspace_id: UUID,
    given: EnrolmentChallenge,
    signer: Signer,
    over: bytes | None = None,
    groups: tuple[str, ...] = (),
) -> AskEnrolment:
    """Return a wish to vote with the signer's key, proven over a challenge."""
    who = signer.principal
    proof = evidence.sign_proof(who.tenant_id, who.actor_id, over or given.challenge, signer.key)
    return AskEnrolment(
        workspace_id=workspace_id,
        challenge_id=given.challenge_id,
        public_key=signer.key.public.raw,
        proof=encode_envelope(proof),
        groups=groups,
    )


async def asked(story: Story, workspace_id: UUID, signer: Signer, *groups: str) -> EnrolmentAnswer:
    """Ask as the signer, for these groups."""
    given = await challenge(story, signer.principal)
    wish = asking(workspace_id, given, signer, groups=groups)
    async with story.db.writing(signer.principal) as tx:
        return await service.ask_enrolment(tx, wish, story.ids)


def word(
    enrolment: EnrolmentAnswer,
    signer: Signer,
    decision: VoteDecision = VoteDecision.APPROVE,
    **otherwise: object,
) -> ConfirmEnrolment:
    """Return a signed word on an enrolment; `otherwise` changes fields before it is signed."""
    said = asdict(enrolment.vote_fields) | {
        "decision": decision,
        "voter_id": signer.principal.actor_id,
        "key_id": signer.key.key_id,
    }
    vote = EnrolmentVote(**(said | otherwise))
    return ConfirmEnrolment(
        envelope=msgspec.Raw(encode_envelope(sign_enrolment_vote(vote, signer.key)))
    )


async def hand_in(
    story: Story, enrolment: EnrolmentAnswer, said: ConfirmEnrolment, by: Principal
) -> EnrolmentAnswer:
    """Hand a signed word in as somebody."""
    async with story.db.writing(by) as tx:
        return await confirming.confirm_enrolment(tx, enrolment.enrolment_id, said, story.ids)


async def confirmed(
    story: Story, workspace_id: UUID, new: Signer, by: Signer, *groups: str
) -> EnrolmentAnswer:
    """Go the whole way: ask, sign, confirm."""
    enrolment = await asked(story, workspace_id, new, *groups)
    return await hand_in(story, enrolment, word(enrolment, by), by.principal)


def with_another_key(signer: Signer) -> Signer:
    """Return the same person with a fresh key."""
    return Signer(signer.principal, signer.api_key, SigningKey.generate())
