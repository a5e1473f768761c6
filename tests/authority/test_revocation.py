"""Ending a person's key: who may, and that nothing by it counts from then on."""

import pytest
from tests.invariants.overtaking import Side, overtake
from tests.studio.story import Signer, Story

from placet.authority import service, store
from placet.authority.model import KeyOfAnother, KeyRevocation, RevokeKey
from placet.events.model import StreamKind, tenant_stream
from placet.events.store import list_events
from placet.kernel.refusals import NotFound
from placet.storage.database import Writing
from placet.studio.approvals.model import ApprovalFlaw, ApprovalRefused
from placet.studio.requests.model import ApprovalRequest, RequestStatus
from placet.studio.votes import service as votes
from placet.studio.votes.model import VoteAnswer
from placet.studio.workspaces.model import ApprovalPolicy
from placet.tenancy import service as tenancy
from placet.tenancy import store as actors

LOST = RevokeKey(reason="the laptop is gone")


@pytest.fixture
async def ada(story: Story) -> Signer:
    return await story.signer("ada")


@pytest.fixture
async def ben(story: Story) -> Signer:
    return await story.signer("ben")


@pytest.fixture
async def of_two(story: Story, ada: Signer, ben: Signer) -> ApprovalRequest:
    """A request that takes two votes."""
    workspace = await story.workspace(ada, ben, policy=ApprovalPolicy(quorum=2))
    _, _, request = await story.asked(workspace)
    return request


async def revoke(story: Story, key: Signer, by: Signer, *, is_admin: bool = False) -> KeyRevocation:
    async with story.db.writing(by.principal) as tx:
        return await service.revoke_key(tx, key.key.key_id, LOST, story.ids, is_admin=is_admin)


async def authority_events(story: Story) -> list[tuple[str, str]]:
    stream = tenant_stream(story.founder.tenant_id, StreamKind.AUTHORITY)
    async with story.db.reading(story.founder) as tx:
        told = await list_events(tx, stream, after=0, limit=200)
    return [(event.type, (event.body or b"").decode()) for event in told]


async def test_its_holder_ends_a_key_and_the_stream_tells_why_once(
    story: Story, ada: Signer, of_two: ApprovalRequest
) -> None:
    del of_two
    first = await revoke(story, ada, ada)
    assert await revoke(story, ada, ada) == first
    told = [body for kind, body in await authority_events(story) if kind == "PersonKeyRevoked"]
    assert len(told) == 1
    assert ada.key.key_id in told[0]
    assert LOST.reason in told[0]


async def test_an_admin_ends_anybodys_key_and_nobody_else_does(
    story: Story, ada: Signer, ben: Signer, of_two: ApprovalRequest
) -> None:
    del of_two
    with pytest.raises(KeyOfAnother):
        await revoke(story, ada, ben)
    async with story.db.reading(story.founder) as tx:
        assert await store.list_revocations(tx) == []
    admin = Signer(story.founder, "")
    ended = await revoke(story, ada, admin, is_admin=True)
    assert ended.revoked_by == story.founder.actor_id


async def test_a_key_of_nobody_is_not_found(story: Story, ada: Signer) -> None:
    with pytest.raises(NotFound):
        await revoke(story, ada, ada)


async def test_a_vote_by_ones_only_key_once_revoked_is_refused(
    story: Story, ada: Signer, of_two: ApprovalRequest
) -> None:
    await revoke(story, ada, ada)
    with pytest.raises(ApprovalRefused) as refused:
        await story.vote(of_two, ada)
    assert {reason.code for reason in refused.value.reasons} == {
        ApprovalFlaw.KEY_REVOKED,
        ApprovalFlaw.NOT_AN_APPROVER,
    }


async def test_an_earlier_vote_falls_with_its_key(
    story: Story, ada: Signer, ben: Signer, of_two: ApprovalRequest
) -> None:
    await story.vote(of_two, ada)
    await revoke(story, ada, ada)
    answer = await story.vote(of_two, ben)
    assert (answer.status, answer.approvals) == (RequestStatus.OPEN, 1)


async def test_an_earlier_vote_falls_with_its_voter(
    story: Story, ada: Signer, ben: Signer, of_two: ApprovalRequest
) -> None:
    await story.vote(of_two, ada)
    async with story.db.writing(story.founder) as tx:
        await tenancy.disable_actor(tx, ada.principal.actor_id, story.ids)
    assert (await story.vote(of_two, ben)).status is RequestStatus.OPEN


def revoking(story: Story, key: Signer) -> Side:
    async def work(tx: Writing) -> object:
        return await service.revoke_key(tx, key.key.key_id, LOST, story.ids, is_admin=False)

    return Side(key.principal, work)


def disabling(story: Story, who: Signer) -> Side:
    async def work(tx: Writing) -> object:
        return await tenancy.disable_actor(tx, who.principal.actor_id, story.ids)

    return Side(story.founder, work)


async def voting(story: Story, request: ApprovalRequest, signer: Signer) -> Side:
    ballot = await story.ballot(request, signer)

    async def work(tx: Writing) -> object:
        return await votes.cast_vote(tx, request.request_id, ballot, story.keys, story.ids)

    return Side(signer.principal, work)


async def revocation_before_the_last_vote(
    story: Story, ada: Signer, ben: Signer, request: ApprovalRequest
) -> None:
    """The revocation is written and not committed when the last vote is cast."""
    await story.vote(request, ada)
    ended, last = await overtake(story.db, revoking(story, ada), await voting(story, request, ben))
    assert isinstance(ended, KeyRevocation)
    assert isinstance(last, VoteAnswer)
    kinds = [kind for kind, _ in await authority_events(story)]
    assert kinds[-2:] == ["PersonKeyRevoked", "VoteCast"]
    assert last.status is RequestStatus.OPEN


async def last_vote_before_the_revocation(
    story: Story, ada: Signer, ben: Signer, request: ApprovalRequest
) -> None:
    """The last vote is counted and not committed when the revocation comes."""
    await story.vote(request, ada)
    last, ended = await overtake(story.db, await voting(story, request, ben), revoking(story, ada))
    assert isinstance(last, VoteAnswer)
    assert isinstance(ended, KeyRevocation)
    assert last.status is RequestStatus.GRANTED
    kinds = [kind for kind, _ in await authority_events(story)]
    assert kinds[-2:] == ["VoteCast", "PersonKeyRevoked"]


async def test_a_revocation_that_comes_first_voids_the_vote_behind_it(
    story: Story, ada: Signer, ben: Signer, of_two: ApprovalRequest
) -> None:
    await revocation_before_the_last_vote(story, ada, ben, of_two)


async def test_a_revocation_that_comes_second_stands_behind_the_approval(
    story: Story, ada: Signer, ben: Signer, of_two: ApprovalRequest
) -> None:
    await last_vote_before_the_revocation(story, ada, ben, of_two)


async def test_without_the_lock_a_vote_is_counted_after_its_key_was_revoked(
    story: Story,
    ada: Signer,
    ben: Signer,
    of_two: ApprovalRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(tx: Writing) -> None:
        del tx

    monkeypatch.setattr(store, "hold_keys", nothing)
    with pytest.raises(AssertionError):
        await revocation_before_the_last_vote(story, ada, ben, of_two)


async def disabling_before_the_last_vote(
    story: Story, ada: Signer, ben: Signer, request: ApprovalRequest
) -> None:
    await story.vote(request, ada)
    _, last = await overtake(story.db, disabling(story, ada), await voting(story, request, ben))
    assert isinstance(last, VoteAnswer)
    assert last.status is RequestStatus.OPEN


async def test_a_person_who_is_disabled_first_is_not_counted_by_the_vote_behind_it(
    story: Story, ada: Signer, ben: Signer, of_two: ApprovalRequest
) -> None:
    await disabling_before_the_last_vote(story, ada, ben, of_two)


async def test_without_holding_people_one_who_was_disabled_first_is_counted(
    story: Story,
    ada: Signer,
    ben: Signer,
    of_two: ApprovalRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(tx: Writing, who: object) -> None:
        del tx, who

    monkeypatch.setattr(actors, "hold_actors", nothing)
    with pytest.raises(AssertionError):
        await disabling_before_the_last_vote(story, ada, ben, of_two)
