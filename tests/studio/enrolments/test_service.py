"""Later enrolments: what each is refused for, and what a confirmed one is worth."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.studio.enrolments import people
from tests.studio.story import Signer, Story

from placet.authority import service as authority
from placet.authority import store as keys
from placet.authority.checkpoints.service import make_checkpoint
from placet.authority.model import EnrolmentFlaw, EnrolmentRefused, RevokeKey
from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence.dsse import open_payload, parse_envelope
from placet.evidence.enrolment import EnrolmentVote
from placet.evidence.vote import CheckpointSeen, VoteDecision
from placet.kernel.principal import Environment
from placet.studio.approvals import store as approvals
from placet.studio.approvals.model import ApprovalFlaw, ApprovalProof, ApprovalRefused
from placet.studio.enrolments import service, store
from placet.studio.enrolments.model import (
    ApproverNotFound,
    ConfirmationFlaw,
    ConfirmationRefused,
    ConfirmEnrolment,
    EnrolmentAnswer,
    EnrolmentChallenge,
    EnrolmentClosed,
    EnrolmentStatus,
    RemovalNotAllowed,
    RemoveApprover,
)
from placet.studio.requests.model import ApprovalRequest, RequestStatus
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces.model import ApprovalPolicy, GovernanceWorkspace, KeyStanding
from placet.tenancy import service as tenancy
from placet.tenancy.model import GrantRole, Role

AT_ONCE = Environment.DEVELOPMENT


@pytest.fixture
async def ada(story: Story) -> Signer:
    return await story.signer("ada")


@pytest.fixture
async def ben(story: Story) -> Signer:
    return Signer(*await story.workplace.person("ben", Role.APPROVER))


@pytest.fixture
async def workspace(story: Story, ada: Signer) -> GovernanceWorkspace:
    return await story.workspace(ada, environment=AT_ONCE)


@pytest.fixture
async def bens(story: Story, ben: Signer, workspace: GovernanceWorkspace) -> EnrolmentAnswer:
    """Ben's enrolment, which waits."""
    return await people.asked(story, workspace.workspace_id, ben)


async def flaws_of_asking(
    story: Story,
    workspace_id: UUID,
    signer: Signer,
    given: EnrolmentChallenge,
    over: bytes | None = None,
) -> set[EnrolmentFlaw]:
    """Return why an enrolment is refused."""
    asked = people.asking(workspace_id, given, signer, over)
    with pytest.raises(EnrolmentRefused) as refused:
        async with story.db.writing(signer.principal) as tx:
            await service.ask_enrolment(tx, asked, story.ids)
    return {reason.code for reason in refused.value.reasons}


async def flaws_of_word(
    story: Story, enrolment: EnrolmentAnswer, said: ConfirmEnrolment, by: Signer
) -> set[ConfirmationFlaw]:
    """Return why a word on an enrolment is refused, after looking that it decided nothing."""
    with pytest.raises(ConfirmationRefused) as refused:
        await people.hand_in(story, enrolment, said, by.principal)
    assert await status(story, enrolment) is EnrolmentStatus.PENDING
    return {reason.code for reason in refused.value.reasons}


async def status(story: Story, enrolment: EnrolmentAnswer) -> EnrolmentStatus:
    async with story.db.reading(story.founder) as tx:
        found = await store.get_enrolment(tx, enrolment.enrolment_id)
        (shown,) = await service.show_enrolments(tx, [found])
    return shown.status


async def flaws_of_vote(
    story: Story, request: ApprovalRequest, signer: Signer
) -> set[ApprovalFlaw]:
    with pytest.raises(ApprovalRefused) as refused:
        await story.vote(request, signer)
    return {reason.code for reason in refused.value.reasons}


async def test_a_confirmed_person_votes_and_the_approval_tells_who_confirmed_them(
    story: Story, ada: Signer, ben: Signer, workspace: GovernanceWorkspace
) -> None:
    done = await people.confirmed(story, workspace.workspace_id, ben, ada)
    assert (done.status, done.confirmed_by) == (EnrolmentStatus.CONFIRMED, [ada.principal.actor_id])
    _, _, request = await story.asked(workspace)
    answer = await story.vote(request, ben)
    assert answer.status is RequestStatus.GRANTED
    assert answer.approval_id is not None
    async with story.db.reading(story.founder) as tx:
        approval = await approvals.get_approval(tx, answer.approval_id)
    proof = msgspec.json.decode(approval.approval_proof_json, type=ApprovalProof)
    (voter,) = proof.voters
    assert voter.key_confirmed_by == voter.approver_confirmed_by == [ada.principal.actor_id]


async def test_what_led_to_an_enrolment_stands_in_the_authority_stream(
    story: Story, ada: Signer, workspace: GovernanceWorkspace
) -> None:
    newcomer = Signer(*await story.workplace.person("cy", Role.VIEWER))
    await people.confirmed(story, workspace.workspace_id, newcomer, ada)
    stream = tenant_stream(story.founder.tenant_id, StreamKind.AUTHORITY)
    async with story.db.reading(story.founder) as tx:
        told = [event.type for event in await list_events(tx, stream, after=0, limit=100)]
    assert told[-4:] == [
        "EnrolmentAsked",
        "PersonKeyEnrolled",
        "RoleGranted",
        "EnrolmentConfirmed",
    ]


async def test_outside_development_a_key_counts_only_after_the_delay(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada)
    done = await people.confirmed(story, workspace.workspace_id, ben, ada)
    async with story.db.reading(story.founder) as tx:
        key, standing = (await workspaces.read_standings(tx, workspace.workspace_id))[done.key_id]
    assert standing is KeyStanding.NOT_YET
    assert key.counts_from - key.since == timedelta(hours=24)
    _, _, request = await story.asked(workspace)
    assert await flaws_of_vote(story, request, ben) == {ApprovalFlaw.KEY_NOT_YET}
    later = await people.asked(story, workspace.workspace_id, await story.signer("cy"))
    said = people.word(later, ben)
    assert await flaws_of_word(story, later, said, ben) == {ConfirmationFlaw.KEY_NOT_COUNTING}


async def test_the_approval_policy_says_how_long_the_delay_is(
    story: Story, ada: Signer, ben: Signer
) -> None:
    policy = ApprovalPolicy(enrolment_delay_hours=0)
    workspace = await story.workspace(ada, policy=policy)
    await people.confirmed(story, workspace.workspace_id, ben, ada)
    _, _, request = await story.asked(workspace)
    assert (await story.vote(request, ben)).status is RequestStatus.GRANTED


async def test_no_admin_alone_makes_an_approver(
    story: Story, ada: Signer, ben: Signer, workspace: GovernanceWorkspace
) -> None:
    """An admin has every role and an API key of anybody's, and still no approver's key."""
    admin = Signer(story.founder, story.workplace.founder_key)
    as_ben = people.with_another_key(ben)
    enrolment = await people.asked(story, workspace.workspace_id, as_ben)
    for by in (admin, ben, as_ben):
        said = people.word(enrolment, by)
        assert ConfirmationFlaw.SIGNATURE_INVALID in await flaws_of_word(story, enrolment, said, by)
    in_adas_name = people.word(enrolment, admin, voter_id=ada.principal.actor_id)
    assert await flaws_of_word(story, enrolment, in_adas_name, ada) == {
        ConfirmationFlaw.SIGNATURE_INVALID
    }
    async with story.db.writing(story.founder) as tx:
        grant = GrantRole(
            actor_id=ben.principal.actor_id,
            role=Role.APPROVER,
            workspace_id=workspace.workspace_id,
        )
        await tenancy.grant_role(tx, grant, story.ids)
    _, _, request = await story.asked(workspace)
    assert await flaws_of_vote(story, request, as_ben) == {
        ApprovalFlaw.KEY_UNKNOWN,
        ApprovalFlaw.NOT_AN_APPROVER,
    }


async def test_a_key_that_an_admin_let_in_to_a_workspace_of_theirs_counts_in_no_other(
    story: Story, ada: Signer, workspace: GovernanceWorkspace
) -> None:
    made_up = people.with_another_key(ada)
    await story.workspace(made_up, agent="elsewhere")
    _, _, request = await story.asked(workspace)
    assert await flaws_of_vote(story, request, made_up) == {ApprovalFlaw.KEY_NOT_CONFIRMED}
    enrolment = await people.asked(story, workspace.workspace_id, await story.signer("eve"))
    said = people.word(enrolment, made_up)
    assert await flaws_of_word(story, enrolment, said, made_up) == {
        ConfirmationFlaw.KEY_NOT_COUNTING
    }


async def test_nobody_confirms_their_own_second_key(
    story: Story, ada: Signer, workspace: GovernanceWorkspace
) -> None:
    enrolment = await people.asked(story, workspace.workspace_id, people.with_another_key(ada))
    said = people.word(enrolment, ada)
    assert await flaws_of_word(story, enrolment, said, ada) == {ConfirmationFlaw.OWN_ENROLMENT}


async def test_an_approver_of_another_workspace_confirms_nothing_here(
    story: Story, ben: Signer, workspace: GovernanceWorkspace
) -> None:
    await story.workspace(ben, agent="elsewhere")
    enrolment = await people.asked(story, workspace.workspace_id, await story.signer("cy"))
    said = people.word(enrolment, ben)
    assert await flaws_of_word(story, enrolment, said, ben) == {
        ConfirmationFlaw.NOT_AN_APPROVER,
        ConfirmationFlaw.KEY_NOT_COUNTING,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenant_id", UUID(int=9)),
        ("workspace_id", UUID(int=9)),
        ("environment", Environment.PRODUCTION),
        ("enrolment_id", UUID(int=9)),
        ("actor_id", UUID(int=9)),
        ("enrolled_key_id", "0" * 64),
        ("public_key", "0" * 64),
        ("challenge", "0" * 64),
        ("voter_id", UUID(int=9)),
        ("key_id", "0" * 64),
        ("latest_checkpoint", CheckpointSeen(size=1, root="0" * 64)),
    ],
)
async def test_a_word_that_says_one_field_otherwise_is_refused(
    story: Story, ada: Signer, bens: EnrolmentAnswer, field: str, value: object
) -> None:
    said = people.word(bens, ada, VoteDecision.APPROVE, **{field: value})
    assert await flaws_of_word(story, bens, said, ada) == {ConfirmationFlaw.SIGNED_OTHERWISE}


async def test_a_word_names_the_newest_checkpoint_that_its_voter_was_shown(
    story: Story, ada: Signer, bens: EnrolmentAnswer
) -> None:
    assert bens.vote_fields.latest_checkpoint is None
    made = await make_checkpoint(story.db, story.founder, story.keys, story.ids)
    async with story.db.reading(ada.principal) as tx:
        enrolment = await store.get_enrolment(tx, bens.enrolment_id)
        (shown,) = await service.show_enrolments(tx, [enrolment])
    seen = CheckpointSeen(size=made.size, root=made.root.hex())
    assert shown.vote_fields.latest_checkpoint == seen
    longer = CheckpointSeen(size=made.size + 1, root=made.root.hex())
    said = people.word(shown, ada, latest_checkpoint=longer)
    assert await flaws_of_word(story, shown, said, ada) == {ConfirmationFlaw.SIGNED_OTHERWISE}
    await people.hand_in(story, shown, people.word(shown, ada), ada.principal)
    async with story.db.reading(ada.principal) as tx:
        (word,) = (await store.list_confirmations(tx, [shown.enrolment_id]))[shown.enrolment_id]
    payload = parse_envelope(word.envelope).payload
    assert open_payload(payload, EnrolmentVote).latest_checkpoint == seen


async def test_what_is_no_word_on_an_enrolment_is_refused(
    story: Story, ada: Signer, ben: Signer, workspace: GovernanceWorkspace
) -> None:
    enrolment = await people.asked(story, workspace.workspace_id, ben)
    for text in (b"{}", b"[]", b'"x"'):
        said = ConfirmEnrolment(envelope=msgspec.Raw(text))
        assert await flaws_of_word(story, enrolment, said, ada) == {
            ConfirmationFlaw.ENVELOPE_MALFORMED
        }
    _, _, request = await story.asked(workspace)
    vote = ConfirmEnrolment(envelope=(await story.ballot(request, ada)).envelope)
    assert await flaws_of_word(story, enrolment, vote, ada) == {ConfirmationFlaw.SIGNATURE_INVALID}


async def test_an_enrolment_is_decided_once(
    story: Story, ada: Signer, ben: Signer, workspace: GovernanceWorkspace
) -> None:
    enrolment = await people.asked(story, workspace.workspace_id, ben)
    no = people.word(enrolment, ada, VoteDecision.REFUSE)
    assert (await people.hand_in(story, enrolment, no, ada.principal)).status is (
        EnrolmentStatus.DECLINED
    )
    with pytest.raises(EnrolmentClosed) as closed:
        await people.hand_in(story, enrolment, people.word(enrolment, ada), ada.principal)
    assert closed.value.enrolment_status is EnrolmentStatus.DECLINED
    async with story.db.reading(story.founder) as tx:
        assert await keys.list_person_keys(tx, [ben.principal.actor_id]) == []


async def test_a_challenge_serves_one_enrolment_of_one_person_over_its_own_bytes(
    story: Story, ada: Signer, ben: Signer, workspace: GovernanceWorkspace
) -> None:
    where = workspace.workspace_id
    given = await people.challenge(story, ben.principal)
    assert await flaws_of_asking(story, where, ada, given) == {EnrolmentFlaw.CHALLENGE_UNKNOWN}
    unknown = replace(given, challenge_id=UUID(int=9))
    assert await flaws_of_asking(story, where, ben, unknown) == {EnrolmentFlaw.CHALLENGE_UNKNOWN}
    assert await flaws_of_asking(story, where, ben, given, bytes(32)) == {
        EnrolmentFlaw.PROOF_OF_ANOTHER
    }
    async with story.db.writing(ben.principal) as tx:
        await service.ask_enrolment(tx, people.asking(where, given, ben), story.ids)
    second = people.with_another_key(ben)
    assert await flaws_of_asking(story, where, second, given) == {EnrolmentFlaw.CHALLENGE_USED}


async def test_a_key_that_is_anothers_revoked_or_known_here_is_refused(
    story: Story, ada: Signer, ben: Signer, workspace: GovernanceWorkspace
) -> None:
    where = workspace.workspace_id
    for who, key, flaw in (
        (ben, ada.key, EnrolmentFlaw.KEY_TAKEN),
        (ada, ada.key, EnrolmentFlaw.KEY_KNOWN_HERE),
    ):
        signer = Signer(who.principal, who.api_key, key)
        given = await people.challenge(story, who.principal)
        assert await flaws_of_asking(story, where, signer, given) == {flaw}
    elsewhere = await story.workspace(await story.signer("cy"), agent="elsewhere")
    await revoke(story, ada)
    given = await people.challenge(story, ada.principal)
    assert await flaws_of_asking(story, elsewhere.workspace_id, ada, given) == {
        EnrolmentFlaw.KEY_REVOKED
    }


async def revoke(story: Story, signer: Signer) -> None:
    async with story.db.writing(signer.principal) as tx:
        asked = RevokeKey(reason="the laptop is gone")
        await authority.revoke_key(tx, signer.key.key_id, asked, story.ids, is_admin=False)


async def test_a_key_that_was_revoked_between_asking_and_confirming_is_not_let_in(
    story: Story, ada: Signer, ben: Signer, workspace: GovernanceWorkspace
) -> None:
    await story.workspace(ben, agent="elsewhere")
    enrolment = await people.asked(story, workspace.workspace_id, ben)
    await revoke(story, ben)
    with pytest.raises(EnrolmentRefused) as refused:
        await people.hand_in(story, enrolment, people.word(enrolment, ada), ada.principal)
    assert [reason.code for reason in refused.value.reasons] == [EnrolmentFlaw.KEY_REVOKED]
    assert await status(story, enrolment) is EnrolmentStatus.PENDING


async def test_a_removed_approver_neither_votes_nor_confirms_and_earlier_votes_fall(
    story: Story, ada: Signer, ben: Signer
) -> None:
    policy = ApprovalPolicy(quorum=2)
    workspace = await story.workspace(ada, ben, environment=AT_ONCE, policy=policy)
    _, _, request = await story.asked(workspace)
    await story.vote(request, ben)
    await remove(story, workspace, ben)
    enrolment = await people.asked(story, workspace.workspace_id, await story.signer("cy"))
    said = people.word(enrolment, ben)
    assert await flaws_of_word(story, enrolment, said, ben) == {
        ConfirmationFlaw.NOT_AN_APPROVER,
        ConfirmationFlaw.KEY_NOT_COUNTING,
    }
    answer = await story.vote(request, ada)
    assert (answer.status, answer.approvals) == (RequestStatus.OPEN, 1)


async def remove(story: Story, workspace: GovernanceWorkspace, signer: Signer) -> None:
    async with story.db.writing(story.founder) as tx:
        await service.remove_approver(
            tx,
            workspace.workspace_id,
            signer.principal.actor_id,
            RemoveApprover(reason="left the team"),
            story.ids,
            is_admin=True,
        )


async def test_a_removed_approver_comes_back_with_another_key_and_a_new_confirmation(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada, ben, environment=AT_ONCE)
    await remove(story, workspace, ben)
    given = await people.challenge(story, ben.principal)
    assert await flaws_of_asking(story, workspace.workspace_id, ben, given) == {
        EnrolmentFlaw.KEY_KNOWN_HERE
    }
    again = people.with_another_key(ben)
    await people.confirmed(story, workspace.workspace_id, again, ada)
    _, _, request = await story.asked(workspace)
    assert await flaws_of_vote(story, request, ben) == {ApprovalFlaw.KEY_NOT_CONFIRMED}
    assert (await story.vote(request, again)).status is RequestStatus.GRANTED


async def test_the_proof_names_who_let_a_removed_approver_in_again(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada, ben, environment=Environment.DEVELOPMENT, agent="other")
    await remove(story, workspace, ada)
    again = people.with_another_key(ada)
    await people.confirmed(story, workspace.workspace_id, again, ben)
    later = people.with_another_key(ada)
    await people.confirmed(story, workspace.workspace_id, later, ben)
    _, _, request = await story.asked(workspace)
    answer = await story.vote(request, later)
    assert answer.approval_id is not None
    async with story.db.reading(story.founder) as tx:
        approval = await approvals.get_approval(tx, answer.approval_id)
    (voter,) = msgspec.json.decode(approval.approval_proof_json, type=ApprovalProof).voters
    assert voter.key_confirmed_by == voter.approver_confirmed_by == [ben.principal.actor_id]


async def test_a_first_approvers_second_key_changes_nothing_of_who_made_them_one(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada, ben, environment=Environment.DEVELOPMENT, agent="other")
    second = people.with_another_key(ada)
    await people.confirmed(story, workspace.workspace_id, second, ben)
    _, _, request = await story.asked(workspace)
    answer = await story.vote(request, second)
    assert answer.approval_id is not None
    async with story.db.reading(story.founder) as tx:
        approval = await approvals.get_approval(tx, answer.approval_id)
    (voter,) = msgspec.json.decode(approval.approval_proof_json, type=ApprovalProof).voters
    assert voter.key_confirmed_by == [ben.principal.actor_id]
    assert voter.approver_confirmed_by == []


async def test_an_approver_removes_only_themself_and_nobody_twice(
    story: Story, ada: Signer, ben: Signer
) -> None:
    workspace = await story.workspace(ada, ben)
    asked = RemoveApprover(reason="x")

    async def removing(whom: Signer, by: Signer) -> None:
        async with story.db.writing(by.principal) as tx:
            await service.remove_approver(
                tx,
                workspace.workspace_id,
                whom.principal.actor_id,
                asked,
                story.ids,
                is_admin=False,
            )

    with pytest.raises(RemovalNotAllowed):
        await removing(ada, ben)
    await removing(ben, ben)
    with pytest.raises(ApproverNotFound):
        await removing(ben, ben)
