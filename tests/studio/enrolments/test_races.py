"""Two hands on one enrolment, each in a forced order with real commits."""

import pytest
from tests.invariants.overtaking import Side, overtake
from tests.studio.enrolments import people
from tests.studio.story import Signer, Story

from placet.authority import service as authority
from placet.authority import store as keys
from placet.authority.model import EnrolmentFlaw, EnrolmentRefused, KeyRevocation, RevokeKey
from placet.evidence.vote import VoteDecision
from placet.kernel.principal import Environment
from placet.storage.database import Writing
from placet.studio.enrolments import confirming, service
from placet.studio.enrolments.model import (
    AskEnrolment,
    ConfirmationFlaw,
    ConfirmationRefused,
    EnrolmentAnswer,
    EnrolmentClosed,
    EnrolmentStatus,
)
from placet.studio.workspaces.model import GovernanceWorkspace


@pytest.fixture
async def ada(story: Story) -> Signer:
    return await story.signer("ada")


@pytest.fixture
async def ben(story: Story) -> Signer:
    return await story.signer("ben")


@pytest.fixture
async def workspace(story: Story, ada: Signer, ben: Signer) -> GovernanceWorkspace:
    return await story.workspace(ada, ben, environment=Environment.DEVELOPMENT)


@pytest.fixture
async def wish(story: Story, workspace: GovernanceWorkspace) -> EnrolmentAnswer:
    """Somebody's enrolment, which waits."""
    return await people.asked(story, workspace.workspace_id, await story.signer("cy"))


def deciding(
    story: Story, wish: EnrolmentAnswer, by: Signer, decision: VoteDecision = VoteDecision.APPROVE
) -> Side:
    said = people.word(wish, by, decision)

    async def work(tx: Writing) -> object:
        return await confirming.confirm_enrolment(tx, wish.enrolment_id, said, story.ids)

    return Side(by.principal, work)


def revoking(story: Story, signer: Signer) -> Side:
    async def work(tx: Writing) -> object:
        asked = RevokeKey(reason="lost")
        return await authority.revoke_key(tx, signer.key.key_id, asked, story.ids, is_admin=False)

    return Side(signer.principal, work)


def asking(story: Story, asked: AskEnrolment, by: Signer) -> Side:
    async def work(tx: Writing) -> object:
        return await service.ask_enrolment(tx, asked, story.ids)

    return Side(by.principal, work)


async def test_of_two_decisions_at_once_the_first_stands(
    story: Story, ada: Signer, ben: Signer, wish: EnrolmentAnswer
) -> None:
    won, lost = await overtake(
        story.db, deciding(story, wish, ada, VoteDecision.REFUSE), deciding(story, wish, ben)
    )
    assert isinstance(won, EnrolmentAnswer)
    assert won.status is EnrolmentStatus.DECLINED
    assert isinstance(lost, EnrolmentClosed)
    assert lost.enrolment_status is EnrolmentStatus.DECLINED
    async with story.db.reading(story.founder) as tx:
        assert await keys.list_person_keys(tx, [wish.actor_id]) == []


async def test_of_two_wishes_over_one_challenge_one_is_kept(
    story: Story, workspace: GovernanceWorkspace
) -> None:
    cy = await story.signer("cy")
    given = await people.challenge(story, cy.principal)
    first, second = (
        asking(story, people.asking(workspace.workspace_id, given, signer), signer)
        for signer in (cy, people.with_another_key(cy))
    )
    won, lost = await overtake(story.db, first, second)
    assert isinstance(won, EnrolmentAnswer)
    assert isinstance(lost, EnrolmentRefused)
    assert [reason.code for reason in lost.reasons] == [EnrolmentFlaw.CHALLENGE_USED]


async def revocation_before_the_confirmation(
    story: Story, ada: Signer, wish: EnrolmentAnswer
) -> None:
    """The confirmer's key is revoked, and that is not committed, when the word is handed in."""
    ended, refused = await overtake(story.db, revoking(story, ada), deciding(story, wish, ada))
    assert isinstance(ended, KeyRevocation)
    assert isinstance(refused, ConfirmationRefused)
    assert [reason.code for reason in refused.reasons] == [
        ConfirmationFlaw.NOT_AN_APPROVER,
        ConfirmationFlaw.KEY_NOT_COUNTING,
    ]


async def test_a_key_that_is_revoked_first_confirms_nobody_behind_it(
    story: Story, ada: Signer, wish: EnrolmentAnswer
) -> None:
    await revocation_before_the_confirmation(story, ada, wish)


async def test_without_the_lock_a_revoked_key_confirms(
    story: Story, ada: Signer, wish: EnrolmentAnswer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(tx: Writing) -> None:
        del tx

    monkeypatch.setattr(keys, "hold_keys", nothing)
    with pytest.raises(AssertionError):
        await revocation_before_the_confirmation(story, ada, wish)
