"""Groups of approvers: each has its own quorum, and a key counts for those it was let in to."""

from datetime import timedelta

import msgspec
import pytest
from msgspec.structs import replace
from tests.studio.enrolments import people
from tests.studio.story import Signer, Story, contract, importing

from placet.authority import service as authority
from placet.authority.model import RevokeKey
from placet.kernel.principal import Environment
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import ApprovalFlaw, ApprovalProof, ApprovalRefused
from placet.studio.requests.model import ApprovalRequest, RequestStatus
from placet.studio.votes import rules, service
from placet.studio.votes.model import GroupTally, Tally
from placet.studio.workspaces.model import ApprovalGroup, ApprovalPolicy, GovernanceWorkspace

LEGAL, RISK = ApprovalGroup(name="legal"), ApprovalGroup(name="risk")
BOTH = ApprovalPolicy(quorum=2, groups=(LEGAL, RISK))


@pytest.fixture
async def ada(story: Story) -> Signer:
    return await story.signer("ada")


@pytest.fixture
async def ben(story: Story) -> Signer:
    return await story.signer("ben")


@pytest.fixture
async def workspace(story: Story, ada: Signer, ben: Signer) -> GovernanceWorkspace:
    """Ada is in the group legal, Ben in the group risk; later keys count at once."""
    return await story.workspace(
        ada,
        ben,
        environment=Environment.DEVELOPMENT,
        policy=BOTH,
        groups=(("legal",), ("risk",)),
    )


async def tally(story: Story, request: ApprovalRequest) -> Tally:
    async with story.db.reading(story.founder) as tx:
        return (await service.show_votes(tx, request.request_id)).tally


async def test_a_quorum_without_a_member_of_each_group_leaves_the_request_open(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer
) -> None:
    cy, dee = await story.signer("cy"), await story.signer("dee")
    await people.confirmed(story, workspace.workspace_id, cy, ada, "legal")
    await people.confirmed(story, workspace.workspace_id, dee, ada)
    _, _, request = await story.asked(workspace)
    for signer, approvals_so_far, legal in ((ada, 1, 1), (cy, 2, 2), (dee, 3, 2)):
        answer = await story.vote(request, signer)
        assert (answer.status, answer.approvals) == (RequestStatus.OPEN, approvals_so_far)
        assert answer.groups == [
            GroupTally(name="legal", approvals=legal, quorum=1),
            GroupTally(name="risk", approvals=0, quorum=1),
        ]
    answer = await story.vote(request, ben)
    assert answer.status is RequestStatus.GRANTED
    assert answer.groups[1] == GroupTally(name="risk", approvals=1, quorum=1)


async def test_one_person_in_two_groups_is_one_person(story: Story, ada: Signer) -> None:
    policy = ApprovalPolicy(quorum=2, groups=(LEGAL, RISK))
    ben = await story.signer("ben")
    workspace = await story.workspace(ada, ben, policy=policy, groups=(("legal", "risk"), ()))
    _, _, request = await story.asked(workspace)
    answer = await story.vote(request, ada)
    assert (answer.status, answer.approvals) == (RequestStatus.OPEN, 1)
    assert [group.approvals for group in answer.groups] == [1, 1]
    assert (await story.vote(request, ben)).status is RequestStatus.GRANTED


async def test_a_group_with_a_quorum_of_two_wants_two_of_its_people(
    story: Story, ada: Signer, ben: Signer
) -> None:
    policy = ApprovalPolicy(groups=(ApprovalGroup(name="legal", quorum=2),))
    workspace = await story.workspace(
        ada, ben, policy=policy, environment=Environment.DEVELOPMENT, groups=(("legal",), ())
    )
    cy = await story.signer("cy")
    await people.confirmed(story, workspace.workspace_id, cy, ada, "legal")
    _, _, request = await story.asked(workspace)
    for signer in (ada, ben):
        assert (await story.vote(request, signer)).status is RequestStatus.OPEN
    assert (await story.vote(request, cy)).status is RequestStatus.GRANTED


async def test_the_approval_embeds_for_which_groups_each_vote_counted_and_who_confirmed_that(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer
) -> None:
    cy = await story.signer("cy")
    await people.confirmed(story, workspace.workspace_id, cy, ben, "risk")
    _, _, request = await story.asked(workspace)
    await story.vote(request, ada)
    granted = await story.vote(request, cy)
    assert granted.approval_id is not None
    async with story.db.reading(story.founder) as tx:
        approval = await approvals.get_approval(tx, granted.approval_id)
    proof = msgspec.json.decode(approval.approval_proof_json, type=ApprovalProof)
    assert proof.approval_policy == BOTH
    assert [
        (voter.actor_id, [(group.name, group.confirmed_by) for group in voter.groups])
        for voter in proof.voters
    ] == [
        (ada.principal.actor_id, [("legal", [])]),
        (cy.principal.actor_id, [("risk", [ben.principal.actor_id])]),
    ]


async def test_a_new_key_of_a_member_counts_for_the_group_only_if_a_member_confirmed_that(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer
) -> None:
    again = people.with_another_key(ada)
    await people.confirmed(story, workspace.workspace_id, again, ben)
    _, _, request = await story.asked(workspace)
    answer = await story.vote(request, again)
    assert (answer.approvals, answer.groups[0].approvals) == (1, 0)


async def test_a_member_whose_key_was_revoked_counts_no_more_for_the_group(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer
) -> None:
    cy = await story.signer("cy")
    await people.confirmed(story, workspace.workspace_id, cy, ada)
    _, _, request = await story.asked(workspace)
    await story.vote(request, ada)
    async with story.db.writing(ada.principal) as tx:
        await authority.revoke_key(
            tx, ada.key.key_id, RevokeKey(reason="lost"), story.ids, is_admin=False
        )
    answer = await story.vote(request, ben)
    assert (answer.status, answer.approvals) == (RequestStatus.OPEN, 1)
    answer = await story.vote(request, cy)
    assert (answer.status, answer.approvals) == (RequestStatus.OPEN, 2)
    assert await tally(story, request) == Tally(
        approvals=2,
        quorum=2,
        groups=[
            GroupTally(name="legal", approvals=0, quorum=1),
            GroupTally(name="risk", approvals=1, quorum=1),
        ],
    )


async def test_authors_alone_never_suffice_though_they_meet_every_group(
    story: Story, ada: Signer, ben: Signer
) -> None:
    policy = ApprovalPolicy(quorum=1, four_eyes=True, groups=(LEGAL, RISK))
    workspace = await story.workspace(ada, ben, policy=policy, groups=(("legal",), ("risk",)))
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()), by=ada.principal)
    request = await story.request(await story.snapshot(draft))
    assert (await story.vote(request, ada)).status is RequestStatus.OPEN
    assert (await story.vote(request, ben)).status is RequestStatus.GRANTED
    alone = await story.workspace(
        ada, policy=policy, groups=(("legal", "risk"),), agent="another-desk"
    )
    draft = await story.draft(alone)
    await story.command(draft, importing(contract(agent="another-desk")), by=ada.principal)
    request = await story.request(await story.snapshot(draft))
    with pytest.raises(ApprovalRefused) as refused:
        await story.vote(request, ada)
    assert [reason.code for reason in refused.value.reasons] == [ApprovalFlaw.AUTHOR_ALONE]


async def test_a_key_that_counts_comes_to_count_for_a_further_group_after_the_delay(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada, ben, policy=BOTH, groups=(("risk",), ("legal",)))
    joined = await people.confirmed(story, workspace.workspace_id, ada, ben, "legal")
    _, _, request = await story.asked(workspace)
    async with story.db.reading(ada.principal) as tx:
        ballot = await service.ballot_of(tx, request)
    assert joined.counts_from is not None
    for now, legal in (
        (ballot.now, 0),
        (joined.counts_from - timedelta(microseconds=1), 0),
        (joined.counts_from, 1),
    ):
        came_to = rules.tally_of(replace(ballot, now=now), {ada.key.key_id: ada.principal.actor_id})
        assert [group.approvals for group in came_to.groups] == [legal, 1]
