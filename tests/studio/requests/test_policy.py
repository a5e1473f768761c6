"""Another approval policy: asked for with a request, judged by the one of now, held from then."""

import json
from datetime import datetime

import msgspec
import pytest
from msgspec.structs import replace
from tests.studio.enrolments import people
from tests.studio.story import Signer, Story

from placet.authority import service as authority
from placet.authority.model import RevokeKey
from placet.events.model import StreamId, StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence.vote import VoteDecision
from placet.kernel.principal import Environment
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import ApprovalFlaw, ApprovalProof, ApprovalRefused
from placet.studio.drafts.model import OpenDraft
from placet.studio.enrolments.model import ConfirmationFlaw, ConfirmationRefused
from placet.studio.origins import service as origins
from placet.studio.requests import service
from placet.studio.requests.model import (
    ApprovalRequest,
    RequestApproval,
    RequestStatus,
    WithdrawRequest,
)
from placet.studio.requests.rules import hash_policy
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.votes import rules
from placet.studio.votes import service as votes
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import (
    ApprovalGroup,
    ApprovalPolicy,
    FirstMember,
    GovernanceWorkspace,
    GroupFlaw,
    GroupsRefused,
)

ONE = ApprovalPolicy()
TWO = ApprovalPolicy(quorum=2, four_eyes=True)
LEGAL = ApprovalPolicy(groups=(ApprovalGroup(name="legal"),))


@pytest.fixture
async def ada(story: Story) -> Signer:
    return await story.signer("ada")


@pytest.fixture
async def ben(story: Story) -> Signer:
    return await story.signer("ben")


@pytest.fixture
async def workspace(story: Story, ada: Signer, ben: Signer) -> GovernanceWorkspace:
    return await story.workspace(ada, ben, environment=Environment.DEVELOPMENT)


async def snapshot_of(story: Story, workspace: GovernanceWorkspace) -> BusinessDraftSnapshot:
    """Return a fresh snapshot of the usual contract, by way of a draft and a withdrawn request."""
    _, snapshot, request = await story.asked(workspace)
    async with story.db.writing(story.founder) as tx:
        asked = WithdrawRequest(reason="only its snapshot is wanted")
        await service.withdraw_request(tx, request.request_id, asked, story.ids)
    return snapshot


async def ask(
    story: Story,
    snapshot: BusinessDraftSnapshot,
    policy: ApprovalPolicy,
    *first: tuple[str, str],
) -> ApprovalRequest:
    """Ask for a snapshot and a policy; `first` are groups and keys."""
    asked = RequestApproval(
        snapshot_id=snapshot.snapshot_id,
        next_approval_policy=policy,
        first_members=tuple(FirstMember(group=group, key_id=key_id) for group, key_id in first),
    )
    async with story.db.writing(story.founder) as tx:
        return await service.request_approval(tx, asked, story.ids)


async def policy_of(story: Story, workspace: GovernanceWorkspace) -> ApprovalPolicy:
    async with story.db.reading(story.founder) as tx:
        return (await workspaces.get_workspace(tx, workspace.workspace_id)).approval_policy


async def flaws(
    story: Story, snapshot: BusinessDraftSnapshot, policy: ApprovalPolicy, *first: tuple[str, str]
) -> list[GroupFlaw]:
    with pytest.raises(GroupsRefused) as refused:
        await ask(story, snapshot, policy, *first)
    return [reason.code for reason in refused.value.reasons]


async def test_a_stricter_policy_is_judged_by_the_one_of_now_and_holds_from_the_approval_on(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer
) -> None:
    request = await ask(story, await snapshot_of(story, workspace), TWO)
    view = json.loads(request.view_json)
    assert (view["approval_policy"]["quorum"], request.approval_policy_hash) == (
        1,
        hash_policy(ONE),
    )
    assert view["policy_change"]["approval_policy"]["quorum"] == 2
    assert await policy_of(story, workspace) == ONE
    assert (await story.vote(request, ada)).status is RequestStatus.GRANTED
    assert await policy_of(story, workspace) == TWO
    _, _, after = await story.asked(workspace)
    assert after.approval_policy_hash == hash_policy(TWO)
    assert (await story.vote(after, ada)).status is RequestStatus.OPEN
    assert (await story.vote(after, ben)).status is RequestStatus.GRANTED


async def test_a_laxer_policy_takes_the_quorum_of_the_stricter_one(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada, ben, policy=TWO)
    request = await ask(story, await snapshot_of(story, workspace), ONE)
    assert (await story.vote(request, ada)).status is RequestStatus.OPEN
    assert await policy_of(story, workspace) == TWO
    await story.vote(request, ben)
    assert await policy_of(story, workspace) == ONE


async def test_the_workspaces_stream_and_the_proof_tell_of_the_change(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    request = await ask(story, await snapshot_of(story, workspace), TWO)
    granted = await story.vote(request, ada)
    assert granted.approval_id is not None
    async with story.db.reading(story.founder) as tx:
        stream = StreamId(workspace.workspace_id)
        last = (await list_events(tx, stream, after=0, limit=100))[-1]
        approval = await approvals.get_approval(tx, granted.approval_id)
    assert last.type == "ApprovalPolicyChanged"
    body = json.loads(last.body or b"")
    assert (body["before"]["quorum"], body["after"]["quorum"]) == (1, 2)
    proof = msgspec.json.decode(approval.approval_proof_json, type=ApprovalProof)
    assert proof.approval_policy == ONE
    assert proof.policy_change == request.policy_change


async def test_a_group_that_is_added_has_its_first_members_from_the_approval(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer
) -> None:
    snapshot = await snapshot_of(story, workspace)
    request = await ask(story, snapshot, LEGAL, ("legal", ben.key.key_id))
    (entry,) = json.loads(request.view_json)["policy_change"]["roll"]
    assert (entry["group"], entry["actor_id"]) == ("legal", str(ben.principal.actor_id))
    await story.vote(request, ada)
    _, _, after = await story.asked(workspace)
    assert (await story.vote(after, ada)).status is RequestStatus.OPEN
    assert (await story.vote(after, ben)).status is RequestStatus.GRANTED
    async with story.db.reading(story.founder) as tx:
        (member,) = await workspaces.list_members(tx, workspace.workspace_id)
        stream = tenant_stream(story.founder.tenant_id, StreamKind.AUTHORITY)
        told = await list_events(tx, stream, after=0, limit=100)
    assert (member.actor_id, member.confirmed_by) == (
        ben.principal.actor_id,
        [ada.principal.actor_id],
    )
    assert [event.type for event in told].count("GroupJoined") == 1


async def test_groups_that_nobody_is_in_or_that_do_not_fit_are_refused_with_every_reason(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    snapshot = await snapshot_of(story, workspace)
    key, nobodys = ada.key.key_id, "0" * 64
    assert await flaws(story, snapshot, LEGAL) == [GroupFlaw.NOBODY_IN_IT]
    assert await flaws(story, snapshot, LEGAL, ("legal", nobodys)) == [
        GroupFlaw.KEY_NOT_COUNTING,
        GroupFlaw.NOBODY_IN_IT,
    ]
    assert await flaws(story, snapshot, LEGAL, ("legal", key), ("risk", key)) == [
        GroupFlaw.NOT_A_NEW_GROUP
    ]
    twice = ApprovalPolicy(groups=LEGAL.groups * 2)
    assert await flaws(story, snapshot, twice, ("legal", key)) == [GroupFlaw.NAMED_TWICE]


async def test_nobody_is_put_into_a_group_that_stays(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada, ben, policy=LEGAL, groups=(("legal",), ()))
    snapshot = await snapshot_of(story, workspace)
    stays = ApprovalPolicy(quorum=2, groups=LEGAL.groups)
    assert await flaws(story, snapshot, stays, ("legal", ben.key.key_id)) == [
        GroupFlaw.NOT_A_NEW_GROUP
    ]
    request = await ask(story, snapshot, stays)
    assert (await story.vote(request, ada)).status is RequestStatus.GRANTED


async def test_a_new_group_whose_only_member_was_revoked_meanwhile_stops_the_approval(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer
) -> None:
    snapshot = await snapshot_of(story, workspace)
    request = await ask(story, snapshot, LEGAL, ("legal", ben.key.key_id))
    async with story.db.writing(ben.principal) as tx:
        gone = RevokeKey(reason="lost")
        await authority.revoke_key(tx, ben.key.key_id, gone, story.ids, is_admin=False)
    with pytest.raises(ApprovalRefused) as refused:
        await story.vote(request, ada)
    assert {reason.code for reason in refused.value.reasons} == {ApprovalFlaw.NEXT_POLICY_REFUSED}
    assert await policy_of(story, workspace) == ONE


async def test_a_vote_on_a_request_that_froze_another_policy_counts_for_nothing(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    _, _, request = await story.asked(workspace)
    async with story.db.reading(ada.principal) as tx:
        ballot = await votes.ballot_of(tx, request)
    assert rules.check_policy(ballot) == []
    moved = replace(ballot, workspace=replace(ballot.workspace, approval_policy=TWO))
    reasons = rules.check_ballot(moved, VoteDecision.APPROVE, ada.key.key_id)
    assert [reason.code for reason in reasons] == [ApprovalFlaw.POLICY_MOVED]


async def test_a_policy_is_changed_alone_with_a_snapshot_of_the_same_contract(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    _, _, request = await story.asked(workspace)
    before = await story.vote(request, ada)
    async with story.db.writing(story.founder) as tx:
        opening = OpenDraft(from_approval_id=before.approval_id)
        draft = await origins.open_draft(tx, workspace.workspace_id, opening, "key", story.ids)
    snapshot = await story.snapshot(draft, expected=draft.current_version)
    request = await ask(story, snapshot, TWO)
    assert json.loads(request.view_json)["diff"]["changes"] == []
    after = await story.vote(request, ada)
    assert after.compiled_hash == before.compiled_hash
    assert await policy_of(story, workspace) == TWO


async def test_who_was_let_in_to_a_workspace_later_may_be_a_first_member(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    cy = await story.signer("cy")
    await people.confirmed(story, workspace.workspace_id, cy, ada)
    snapshot = await snapshot_of(story, workspace)
    request = await ask(story, snapshot, LEGAL, ("legal", cy.key.key_id))
    assert (await story.vote(request, cy)).status is RequestStatus.GRANTED


async def test_a_group_that_comes_back_has_those_whose_keys_still_count_and_the_view_says_so(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada, ben, policy=LEGAL, groups=(("legal",), ("legal",)))
    await story.vote(await ask(story, await snapshot_of(story, workspace), ONE), ada)
    async with story.db.writing(ada.principal) as tx:
        gone = RevokeKey(reason="lost")
        await authority.revoke_key(tx, ada.key.key_id, gone, story.ids, is_admin=False)
    back = await ask(story, await snapshot_of(story, workspace), LEGAL)
    roll = json.loads(back.view_json)["policy_change"]["roll"]
    assert [entry["key_id"] for entry in roll] == [ben.key.key_id]
    assert (await story.vote(back, ben)).status is RequestStatus.GRANTED
    _, _, after = await story.asked(workspace)
    answer = await story.vote(after, ben)
    assert (answer.status, answer.groups[0].approvals) == (RequestStatus.GRANTED, 1)


async def test_the_view_names_who_will_count_for_a_group_that_comes_back_and_from_when(
    story: Story, ada: Signer, ben: Signer
) -> None:
    slow = ApprovalPolicy(groups=LEGAL.groups, enrolment_delay_hours=24)
    workspace = await story.workspace(ada, ben, policy=slow, groups=(("legal",), ()))
    cy = await story.signer("cy")
    await people.confirmed(story, workspace.workspace_id, cy, ada, "legal")
    await story.vote(await ask(story, await snapshot_of(story, workspace), ONE), ada)
    back = await ask(story, await snapshot_of(story, workspace), LEGAL)
    roll = {
        entry["key_id"]: entry["counts_from"]
        for entry in json.loads(back.view_json)["policy_change"]["roll"]
    }
    async with story.db.reading(story.founder) as tx:
        members = await workspaces.list_members(tx, workspace.workspace_id)
    (later,) = [each.counts_from for each in members if each.key_id == cy.key.key_id]
    assert set(roll) == {ada.key.key_id, cy.key.key_id}
    assert roll[ada.key.key_id] is None
    assert datetime.fromisoformat(roll[cy.key.key_id]) == later > back.created_at


async def test_a_group_in_which_somebody_counts_only_later_does_not_come_back(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada, ben, policy=LEGAL, groups=(("legal",), ()))
    cy = await story.signer("cy")
    await people.confirmed(story, workspace.workspace_id, cy, ada, "legal")
    await story.vote(await ask(story, await snapshot_of(story, workspace), ONE), ada)
    async with story.db.writing(ada.principal) as tx:
        gone = RevokeKey(reason="lost")
        await authority.revoke_key(tx, ada.key.key_id, gone, story.ids, is_admin=False)
    snapshot = await snapshot_of(story, workspace)
    assert await flaws(story, snapshot, LEGAL) == [GroupFlaw.NOBODY_IN_IT]


async def test_a_wish_for_a_group_that_the_policy_dropped_meanwhile_is_not_confirmed(
    story: Story, ada: Signer
) -> None:
    workspace = await story.workspace(
        ada, policy=LEGAL, groups=(("legal",),), environment=Environment.DEVELOPMENT
    )
    wish = await people.asked(story, workspace.workspace_id, await story.signer("cy"), "legal")
    await story.vote(await ask(story, await snapshot_of(story, workspace), ONE), ada)
    with pytest.raises(ConfirmationRefused) as refused:
        await people.hand_in(story, wish, people.word(wish, ada), ada.principal)
    assert [each.code for each in refused.value.reasons] == [ConfirmationFlaw.GROUP_UNKNOWN]
