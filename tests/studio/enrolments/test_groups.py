"""Coming into a group: a member of each one that is asked for signs, with a key that counts."""

import pytest
from tests.invariants.overtaking import Side, overtake
from tests.studio.enrolments import people
from tests.studio.story import Signer, Story

from placet.authority import service as authority
from placet.authority.model import EnrolmentFlaw, EnrolmentRefused, RevokeKey
from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence.vote import VoteDecision
from placet.kernel.principal import Environment
from placet.storage.database import Reading, Writing
from placet.studio.enrolments import confirming, store
from placet.studio.enrolments.model import (
    ConfirmationFlaw,
    ConfirmationRefused,
    EnrolmentAnswer,
    EnrolmentStatus,
)
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import ApprovalGroup, ApprovalPolicy, GovernanceWorkspace

POLICY = ApprovalPolicy(groups=(ApprovalGroup(name="legal"), ApprovalGroup(name="risk")))


@pytest.fixture
async def ada(story: Story) -> Signer:
    return await story.signer("ada")


@pytest.fixture
async def ben(story: Story) -> Signer:
    return await story.signer("ben")


@pytest.fixture
async def cy(story: Story) -> Signer:
    return await story.signer("cy")


@pytest.fixture
async def workspace(story: Story, ada: Signer, ben: Signer) -> GovernanceWorkspace:
    """Ada is in the group legal, Ben in the group risk; later keys count at once."""
    return await story.workspace(
        ada,
        ben,
        environment=Environment.DEVELOPMENT,
        policy=POLICY,
        groups=(("legal",), ("risk",)),
    )


async def signed(
    story: Story, wish: EnrolmentAnswer, by: Signer, decision: VoteDecision = VoteDecision.APPROVE
) -> EnrolmentAnswer:
    return await people.hand_in(story, wish, people.word(wish, by, decision), by.principal)


async def flaws(story: Story, wish: EnrolmentAnswer, by: Signer) -> set[ConfirmationFlaw]:
    with pytest.raises(ConfirmationRefused) as refused:
        await signed(story, wish, by)
    return {reason.code for reason in refused.value.reasons}


async def members(story: Story, workspace: GovernanceWorkspace) -> dict[str, set[str]]:
    """Return the keys of each group."""
    async with story.db.reading(story.founder) as tx:
        found = await workspaces.list_members(tx, workspace.workspace_id)
    return {
        name: {member.key_id for member in found if member.group_name == name}
        for name in ("legal", "risk")
    }


async def revoke(story: Story, signer: Signer) -> None:
    async with story.db.writing(signer.principal) as tx:
        gone = RevokeKey(reason="lost")
        await authority.revoke_key(tx, signer.key.key_id, gone, story.ids, is_admin=False)


async def test_only_a_member_of_the_group_lets_somebody_in_to_it(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer, cy: Signer
) -> None:
    wish = await people.asked(story, workspace.workspace_id, cy, "legal")
    assert (wish.groups, wish.missing) == (["legal"], ["legal"])
    assert await flaws(story, wish, ben) == {ConfirmationFlaw.NOT_IN_GROUP}
    done = await signed(story, wish, ada)
    assert (done.status, done.missing) == (EnrolmentStatus.CONFIRMED, [])
    assert await members(story, workspace) == {
        "legal": {ada.key.key_id, cy.key.key_id},
        "risk": {ben.key.key_id},
    }


async def test_two_groups_take_the_word_of_a_member_of_each(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer, cy: Signer
) -> None:
    wish = await people.asked(story, workspace.workspace_id, cy, "risk", "legal")
    half = await signed(story, wish, ada)
    assert (half.status, half.missing, half.counts_from) == (
        EnrolmentStatus.PENDING,
        ["risk"],
        None,
    )
    assert cy.key.key_id not in (await members(story, workspace))["legal"]
    assert await flaws(story, wish, ada) == {ConfirmationFlaw.SIGNED_ALREADY}
    done = await signed(story, wish, ben)
    assert (done.status, done.confirmed_by) == (
        EnrolmentStatus.CONFIRMED,
        [ada.principal.actor_id, ben.principal.actor_id],
    )
    async with story.db.reading(story.founder) as tx:
        found = await workspaces.list_members(tx, workspace.workspace_id)
        stream = tenant_stream(story.founder.tenant_id, StreamKind.AUTHORITY)
        told = [event.type for event in await list_events(tx, stream, after=0, limit=200)]
    assert {
        member.group_name: member.confirmed_by for member in found if member.key_id == cy.key.key_id
    } == {"legal": [ada.principal.actor_id], "risk": [ben.principal.actor_id]}
    assert told[-2:] == ["GroupJoined", "EnrolmentConfirmed"]
    assert told.count("EnrolmentSeconded") == 1


async def test_a_word_whose_key_was_revoked_before_the_last_one_must_be_given_anew(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer, cy: Signer
) -> None:
    dee = await story.signer("dee")
    await people.confirmed(story, workspace.workspace_id, dee, ada, "legal")
    wish = await people.asked(story, workspace.workspace_id, cy, "legal", "risk")
    await signed(story, wish, ada)
    await revoke(story, ada)
    assert (await signed(story, wish, ben)).status is EnrolmentStatus.PENDING
    assert cy.key.key_id not in (await members(story, workspace))["risk"]
    assert (await signed(story, wish, dee)).status is EnrolmentStatus.CONFIRMED


async def test_any_approver_declines_whatever_groups_are_asked_for(
    story: Story, workspace: GovernanceWorkspace, ben: Signer, cy: Signer
) -> None:
    wish = await people.asked(story, workspace.workspace_id, cy, "legal")
    done = await signed(story, wish, ben, VoteDecision.REFUSE)
    assert done.status is EnrolmentStatus.DECLINED


async def test_a_signature_over_other_groups_is_refused(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, cy: Signer
) -> None:
    wish = await people.asked(story, workspace.workspace_id, cy, "legal")
    said = people.word(wish, ada, groups=[])
    with pytest.raises(ConfirmationRefused) as refused:
        await people.hand_in(story, wish, said, ada.principal)
    assert [each.code for each in refused.value.reasons] == [ConfirmationFlaw.SIGNED_OTHERWISE]


async def test_a_group_that_the_policy_does_not_have_cannot_be_asked_for(
    story: Story, workspace: GovernanceWorkspace, cy: Signer
) -> None:
    with pytest.raises(EnrolmentRefused) as refused:
        await people.asked(story, workspace.workspace_id, cy, "legal", "sales")
    assert [each.code for each in refused.value.reasons] == [EnrolmentFlaw.GROUP_UNKNOWN]


async def test_a_key_that_counts_already_comes_into_a_group_but_not_twice(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, cy: Signer
) -> None:
    await people.confirmed(story, workspace.workspace_id, cy, ada)
    assert cy.key.key_id not in (await members(story, workspace))["legal"]
    done = await people.confirmed(story, workspace.workspace_id, cy, ada, "legal")
    assert done.status is EnrolmentStatus.CONFIRMED
    assert cy.key.key_id in (await members(story, workspace))["legal"]
    with pytest.raises(EnrolmentRefused) as refused:
        await people.asked(story, workspace.workspace_id, cy, "legal")
    assert [each.code for each in refused.value.reasons] == [EnrolmentFlaw.KEY_KNOWN_HERE]


async def test_a_revoked_key_comes_into_no_group(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, cy: Signer
) -> None:
    await people.confirmed(story, workspace.workspace_id, cy, ada)
    wish = await people.asked(story, workspace.workspace_id, cy, "legal")
    await revoke(story, cy)
    with pytest.raises(EnrolmentRefused):
        await signed(story, wish, ada)
    assert cy.key.key_id not in (await members(story, workspace))["legal"]


async def both_groups_at_once(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer, cy: Signer
) -> None:
    """Ada signs for her group and has not committed when Ben signs for his."""
    wish = await people.asked(story, workspace.workspace_id, cy, "legal", "risk")

    def deciding(by: Signer) -> Side:
        said = people.word(wish, by)

        async def work(tx: Writing) -> object:
            return await confirming.confirm_enrolment(tx, wish.enrolment_id, said, story.ids)

        return Side(by.principal, work)

    first, last = await overtake(story.db, deciding(ada), deciding(ben))
    assert isinstance(first, EnrolmentAnswer)
    assert isinstance(last, EnrolmentAnswer)
    assert (first.status, last.status) == (EnrolmentStatus.PENDING, EnrolmentStatus.CONFIRMED)


async def test_of_two_words_at_once_the_second_sees_the_first(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer, cy: Signer
) -> None:
    await both_groups_at_once(story, workspace, ada, ben, cy)


async def test_without_the_lock_two_words_at_once_leave_the_wish_waiting(  # noqa: PLR0913, PLR0917 -- a story's people
    story: Story,
    workspace: GovernanceWorkspace,
    ada: Signer,
    ben: Signer,
    cy: Signer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(tx: Reading, enrolment_id: object) -> None:
        del tx, enrolment_id

    monkeypatch.setattr(store, "hold_enrolment", nothing)
    with pytest.raises(AssertionError):
        await both_groups_at_once(story, workspace, ada, ben, cy)
