"""Votes: what each is refused for, and what they come to."""

import asyncio
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace
from tests.studio.story import Signer, Story, contract, importing

from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.evidence.dsse import encode_envelope, parse_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.vote import CheckpointSeen, VoteDecision, VotePurpose
from placet.kernel.principal import Environment
from placet.studio.approvals.model import ApprovalFlaw, ApprovalRefused
from placet.studio.drafts.model import Comment, OpenDraft
from placet.studio.origins import service as origins
from placet.studio.requests import service as asking
from placet.studio.requests import store as requests
from placet.studio.requests.model import ApprovalRequest, RequestApproval, RequestStatus
from placet.studio.votes import rules, service
from placet.studio.votes.model import CastVote
from placet.studio.workspaces.model import ApprovalPolicy
from placet.tenancy import service as tenancy
from placet.tenancy.model import Role


@pytest.fixture
async def signer(story: Story) -> Signer:
    return await story.signer()


@pytest.fixture
async def request_(story: Story, signer: Signer) -> ApprovalRequest:
    _, _, made = await story.asked(await story.workspace(signer))
    return made


async def flaws(
    story: Story, request: ApprovalRequest, ballot: CastVote, by: Signer
) -> set[ApprovalFlaw]:
    """Return why a vote is refused, after looking that it left no trace."""
    async with story.db.reading(story.founder) as tx:
        before = await service.show_votes(tx, request.request_id)
    with pytest.raises(ApprovalRefused) as refused:
        await story.hand_in(request, ballot, by.principal)
    async with story.db.reading(story.founder) as tx:
        assert await service.show_votes(tx, request.request_id) == before
    return {reason.code for reason in refused.value.reasons}


def resigned(ballot: CastVote, change: bytes, to: bytes) -> CastVote:
    """Return a vote whose payload was changed after it was signed."""
    envelope = parse_envelope(bytes(ballot.envelope))
    changed = replace(envelope, payload=envelope.payload.replace(change, to))
    assert changed != envelope
    return CastVote(envelope=msgspec.Raw(encode_envelope(changed)))


async def test_a_counted_vote_stands_in_the_authority_stream(
    story: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    answer = await story.vote(request_, signer)
    stream = tenant_stream(story.founder.tenant_id, StreamKind.AUTHORITY)
    async with story.db.reading(story.founder) as tx:
        last = (await list_events(tx, stream, after=0, limit=200))[-1]
        (vote,) = (await service.show_votes(tx, request_.request_id)).votes
    assert (last.type, last.actor_id) == ("VoteCast", signer.principal.actor_id)
    assert str(answer.vote_id) in (last.body or b"").decode()
    assert (vote.voter_id, vote.decision) == (signer.principal.actor_id, VoteDecision.APPROVE)


async def test_a_signature_over_other_bytes_is_refused(
    story: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    ballot = await story.ballot(request_, signer, VoteDecision.REFUSE)
    forged = resigned(ballot, b'"refuse"', b'"approve"')
    assert await flaws(story, request_, forged, signer) == {ApprovalFlaw.SIGNATURE_INVALID}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("purpose", VotePurpose.BREAK_GLASS),
        ("tenant_id", UUID(int=9)),
        ("workspace_id", UUID(int=9)),
        ("environment", Environment.PRODUCTION),
        ("request_id", UUID(int=9)),
        ("snapshot_id", UUID(int=9)),
        ("snapshot_hash", "0" * 64),
        ("view_hash", "0" * 64),
        ("source_hash", "0" * 64),
        ("command_history_hash", "0" * 64),
        ("compiler_version", "0"),
        ("artifact_hash", "0" * 64),
        ("approval_policy_hash", "0" * 64),
        ("voter_id", UUID(int=9)),
        ("key_id", "0" * 64),
        ("latest_checkpoint", CheckpointSeen(size=1, root="0" * 64)),
    ],
)
async def test_a_vote_that_says_one_field_otherwise_is_refused(
    story: Story, signer: Signer, request_: ApprovalRequest, field: str, value: object
) -> None:
    ballot = await story.ballot(request_, signer, VoteDecision.APPROVE, **{field: value})
    assert await flaws(story, request_, ballot, signer) == {ApprovalFlaw.SIGNED_OTHERWISE}


async def test_a_key_that_nobody_or_somebody_else_enrolled_is_refused(
    story: Story, other: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    stranger = Signer(signer.principal, signer.api_key, SigningKey.generate())
    ballot = await story.ballot(request_, stranger)
    assert await flaws(story, request_, ballot, signer) == {ApprovalFlaw.KEY_UNKNOWN}
    foreigner = await other.signer()
    await other.workspace(foreigner)
    foreign = Signer(signer.principal, signer.api_key, foreigner.key)
    ballot = await story.ballot(request_, foreign)
    assert await flaws(story, request_, ballot, signer) == {ApprovalFlaw.KEY_UNKNOWN}
    ben = await story.signer("ben")
    await story.workspace(ben, agent="elsewhere")
    borrowed = Signer(signer.principal, signer.api_key, ben.key)
    ballot = await story.ballot(request_, borrowed)
    assert await flaws(story, request_, ballot, signer) == {ApprovalFlaw.KEY_OF_ANOTHER}


async def test_a_vote_of_somebody_who_was_disabled_meanwhile_is_refused(
    story: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    ballot = await story.ballot(request_, signer)
    async with story.db.writing(story.founder) as tx:
        await tenancy.disable_actor(tx, signer.principal.actor_id, story.ids)
    assert await flaws(story, request_, ballot, signer) == {
        ApprovalFlaw.VOTER_DISABLED,
        ApprovalFlaw.NOT_AN_APPROVER,
    }


async def test_a_vote_of_somebody_who_is_disabled_in_the_middle_of_it_is_not_counted(
    story: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    ballot = await story.ballot(request_, signer)
    async with story.db.writing(story.founder) as held:
        await requests.lock_request(held, request_.request_id)
        waiting = asyncio.ensure_future(story.hand_in(request_, ballot, signer.principal))
        async with story.db.writing(story.founder) as tx:
            await tenancy.disable_actor(tx, signer.principal.actor_id, story.ids)
    with pytest.raises(ApprovalRefused) as refused:
        await waiting
    assert ApprovalFlaw.VOTER_DISABLED in {reason.code for reason in refused.value.reasons}


async def test_a_role_alone_and_an_approver_of_another_workspace_do_not_count(
    story: Story, request_: ApprovalRequest
) -> None:
    ben = await story.signer("ben")
    await story.workspace(ben, agent="elsewhere")
    ballot = await story.ballot(request_, ben)
    assert await flaws(story, request_, ballot, ben) == {ApprovalFlaw.NOT_AN_APPROVER}
    cy = Signer(*await story.workplace.person("cy", Role.APPROVER, Role.ADMIN))
    ballot = await story.ballot(request_, cy)
    assert await flaws(story, request_, ballot, cy) == {
        ApprovalFlaw.KEY_UNKNOWN,
        ApprovalFlaw.NOT_AN_APPROVER,
    }


@pytest.mark.parametrize("text", [b"{}", b"[]", b'"x"', b'{"payload":"","payloadType":"x"}'])
async def test_what_is_no_envelope_is_refused(
    story: Story, signer: Signer, request_: ApprovalRequest, text: bytes
) -> None:
    ballot = CastVote(envelope=msgspec.Raw(text))
    assert await flaws(story, request_, ballot, signer) == {ApprovalFlaw.ENVELOPE_MALFORMED}


async def test_a_person_votes_once(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada, ben, policy=ApprovalPolicy(quorum=2))
    _, _, request = await story.asked(workspace)
    assert (await story.vote(request, ada)).status is RequestStatus.OPEN
    ballot = await story.ballot(request, ada, VoteDecision.REFUSE)
    assert await flaws(story, request, ballot, ada) == {ApprovalFlaw.VOTED_ALREADY}
    answer = await story.vote(request, ben)
    assert (answer.status, answer.approvals, answer.quorum) == (RequestStatus.GRANTED, 2, 2)


async def test_one_signed_refusal_closes_the_request(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    _, _, request = await story.asked(await story.workspace(ada, ben))
    answer = await story.vote(request, ada, VoteDecision.REFUSE)
    assert (answer.status, answer.approval_id) == (RequestStatus.REFUSED, None)
    ballot = await story.ballot(request, ben)
    assert await flaws(story, request, ballot, ben) == {ApprovalFlaw.REQUEST_CLOSED}
    async with story.db.reading(story.founder) as tx:
        found = await requests.get_request(tx, request.request_id)
    assert found.status is RequestStatus.REFUSED


async def test_a_refusal_needs_no_current_draft(
    story: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    async with story.db.reading(story.founder) as tx:
        ballot = await service.ballot_of(tx, request_)
    await story.command(ballot.draft, Comment(text="moved"), expected=1)
    answer = await story.vote(request_, signer, VoteDecision.REFUSE)
    assert answer.status is RequestStatus.REFUSED


async def test_the_author_alone_never_suffices_under_four_eyes(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada, ben, policy=ApprovalPolicy(four_eyes=True))
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()), by=ada.principal)
    request = await story.request(await story.snapshot(draft))
    ballot = await story.ballot(request, ada)
    assert await flaws(story, request, ballot, ada) == {ApprovalFlaw.AUTHOR_ALONE}
    assert (await story.vote(request, ben)).status is RequestStatus.GRANTED


async def test_two_authors_are_still_only_authors_under_four_eyes(story: Story) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada, ben, policy=ApprovalPolicy(four_eyes=True, quorum=2))
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()), by=ada.principal)
    await story.command(draft, Comment(text="x"), expected=1, by=ben.principal)
    request = await story.request(await story.snapshot(draft, expected=2))
    await story.vote(request, ada)
    ballot = await story.ballot(request, ben)
    assert await flaws(story, request, ballot, ben) == {ApprovalFlaw.AUTHOR_ALONE}


async def test_without_four_eyes_the_author_may_approve(story: Story) -> None:
    ada = await story.signer()
    draft = await story.draft(await story.workspace(ada))
    await story.command(draft, importing(contract()), by=ada.principal)
    request = await story.request(await story.snapshot(draft))
    assert (await story.vote(request, ada)).status is RequestStatus.GRANTED


async def test_a_vote_after_the_deadline_is_refused(
    story: Story, signer: Signer, request_: ApprovalRequest
) -> None:
    async with story.db.reading(signer.principal) as tx:
        ballot = await service.ballot_of(tx, request_)
    assert rules.check_ballot(ballot, VoteDecision.APPROVE, "") == []
    for late, code in (
        (request_.deadline - timedelta(microseconds=1), []),
        (request_.deadline, [ApprovalFlaw.REQUEST_EXPIRED]),
    ):
        reasons = rules.check_ballot(replace(ballot, now=late), VoteDecision.APPROVE, "")
        assert [reason.code for reason in reasons] == code


async def test_every_reason_is_told_at_once(story: Story, request_: ApprovalRequest) -> None:
    async with story.db.reading(story.founder) as tx:
        ballot = await service.ballot_of(tx, request_)
    await story.command(ballot.draft, Comment(text="moved"), expected=1)
    eve = Signer(*await story.workplace.person("eve", Role.VIEWER))
    vote = await story.ballot(request_, eve)
    assert await flaws(story, request_, vote, eve) == {
        ApprovalFlaw.KEY_UNKNOWN,
        ApprovalFlaw.NOT_AN_APPROVER,
        ApprovalFlaw.VERSION_MOVED,
    }


async def test_with_four_eyes_nobody_reopens_asks_and_approves_alone(story: Story) -> None:
    """Whoever opened the draft wrote it; whoever asks for another policy is its author."""
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada, ben, policy=ApprovalPolicy(quorum=1, four_eyes=True))
    _, _, first = await story.asked(workspace)
    approval = (await story.vote(first, ben)).approval_id
    reopened = OpenDraft(from_approval_id=approval)
    async with story.db.writing(ada.principal) as tx:
        draft = await origins.open_draft(tx, workspace.workspace_id, reopened, "key", story.ids)
    alone = await story.request(await story.snapshot(draft, expected=0))
    ballot = await story.ballot(alone, ada)
    assert await flaws(story, alone, ballot, ada) == {ApprovalFlaw.AUTHOR_ALONE}


async def test_with_four_eyes_whoever_asks_for_another_policy_does_not_approve_it_alone(
    story: Story,
) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada, ben, policy=ApprovalPolicy(quorum=1, four_eyes=True))
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()))
    snapshot = await story.snapshot(draft)
    asked = RequestApproval(
        snapshot_id=snapshot.snapshot_id, next_approval_policy=ApprovalPolicy(quorum=1)
    )
    async with story.db.writing(ada.principal) as tx:
        request = await asking.request_approval(tx, asked, story.ids)
    ballot = await story.ballot(request, ada)
    assert await flaws(story, request, ballot, ada) == {ApprovalFlaw.AUTHOR_ALONE}
    assert (await story.vote(request, ben)).status is RequestStatus.GRANTED
