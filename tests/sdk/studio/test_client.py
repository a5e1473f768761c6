"""The studio's client over real HTTP, noun by noun."""

from uuid import UUID

import pytest
from tests.studio.story import Story, contract, importing

from placet.evidence import vote as evidence
from placet.evidence.artifact import verify_artifact
from placet.evidence.bundle import KeyList as PinnedKeys
from placet.evidence.dsse import Envelope, encode_envelope
from placet.evidence.ed25519 import PublicKey, SigningKey
from placet.evidence.enrolment import EnrolmentVote, sign_enrolment_vote
from placet.evidence.verify import verify_dossier
from placet.evidence.vote import VoteDecision
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.kernel.refusals import Refusal
from placet.plans.model import PlanStatus
from placet.sdk.studio.client import Studio
from placet.sdk.transport import HttpRequest, HttpResponse, HttpxTransport, TransportError
from placet.studio.approvals.model import ApprovalRefused
from placet.studio.dossiers.rules import named_keys
from placet.studio.drafts.model import DraftVersionConflict
from placet.studio.enrolments.model import AskEnrolment, EnrolmentStatus
from placet.studio.requests.model import RequestApproval, RequestStatus
from placet.studio.sources.model import AddSource, Provenance, SourceKind, SourceMedia
from placet.studio.workspaces.model import CreateWorkspace
from placet.tenancy.model import ActorKind, CreateActor


class Forgetful:
    """A line that loses the first answer to everything that changes something."""

    def __init__(self, url: str) -> None:
        """Lead to the service."""
        self._inner = HttpxTransport(url)
        self._lost: set[str] = set()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send; lose the answer the first time that an idempotency key is seen."""
        answer = await self._inner.send(request)
        key = request.headers.get("Idempotency-Key")
        if key is not None and key not in self._lost:
            self._lost.add(key)
            message = "the answer was lost"
            raise TransportError(message)
        return answer

    def another(self) -> "Forgetful":
        """Return this one."""
        return self

    async def close(self) -> None:
        """Close the connection."""
        await self._inner.close()


async def test_a_contract_goes_from_a_source_to_a_plan_in_force(
    url: str, founder: Studio, story: Story
) -> None:
    ada = await story.signer()
    wish = CreateWorkspace(
        agent="desk", environment=Environment.STAGING, approvers=(ada.enrolment(agent="desk"),)
    )
    workspace = await founder.workspaces.create(wish)
    note = AddSource(
        kind=SourceKind.MANUAL_NOTE,
        title="Refunds",
        media_type=SourceMedia.TEXT,
        content="Refund within 30 days.",
        provenance=Provenance(origin="the refund team"),
    )
    source = await founder.sources.add(workspace.workspace_id, note)
    assert (await founder.sources.get(source.source_id)).part_count == 1
    assert await founder.sources.content(source.source_id) == b"Refund within 30 days."
    draft = await founder.drafts.open(workspace.workspace_id)
    command = importing(contract(agent="desk"))
    applied = await founder.drafts.command(draft.draft_id, command, version=0, reason="because")
    assert applied.version == 1
    blame = await founder.drafts.blame(draft.draft_id)
    assert {rule.set_by.reason for rule in blame.rules} == {"because"}
    snapshot = await founder.snapshots.take(draft.draft_id, version=1)
    request = await founder.requests.make(RequestApproval(snapshot_id=snapshot.snapshot_id))
    async with Studio(url, ada.api_key) as approver:
        ballot = await story_vote(approver, request.request_id, ada.key)
        answer = await approver.requests.vote(request.request_id, ballot)
    assert answer.status is RequestStatus.GRANTED
    assert answer.approval_id is not None
    assert answer.compiled_hash is not None
    approval = await founder.approvals.get(answer.approval_id)
    assert approval.draft_snapshot_id == snapshot.snapshot_id
    keys = await founder.keys.known()
    listed = [PublicKey(raw=key.public_key) for key in keys.server_keys]
    artifact = verify_artifact(await founder.approvals.artifact(answer.compiled_hash), listed)
    assert artifact.snapshot_hash == snapshot.snapshot_hash
    pinned = PinnedKeys(version=1, keys=tuple(named_keys(keys)))
    report = verify_dossier(await founder.approvals.export(answer.approval_id), pinned)
    assert (report.flaw, report.approvers) == (None, (ada.principal.actor_id,))
    alone = verify_dossier(await founder.approvals.export_artifact(answer.compiled_hash), pinned)
    assert (alone.flaw, alone.tenant_id) == (None, ada.principal.tenant_id)
    plan = await founder.plans.get("desk", Environment.STAGING)
    assert (plan.status, plan.compiled_hash) == (PlanStatus.APPROVED, answer.compiled_hash)
    votes = await founder.requests.votes(request.request_id)
    assert [vote.voter_id for vote in votes.votes] == [ada.principal.actor_id]


async def story_vote(
    approver: Studio, request_id: UUID, key: SigningKey, **otherwise: object
) -> Envelope:
    """Return a signed vote on a request, made from what the service shows."""
    me = await approver.people.me()
    fields = (await approver.requests.get(request_id)).vote_fields
    said = {name: getattr(fields, name) for name in fields.__struct_fields__} | {
        "decision": VoteDecision.APPROVE,
        "voter_id": me.actor.actor_id,
        "key_id": key.key_id,
    }
    return evidence.sign_vote(evidence.ApprovalVote(**(said | otherwise)), key)


async def test_a_refusal_comes_as_the_service_s_own_class_with_its_fields(
    founder: Studio, story: Story
) -> None:
    workspace = await story.workspace()
    draft = await founder.drafts.open(workspace.workspace_id)
    await founder.drafts.command(draft.draft_id, importing(contract()), version=0)
    with pytest.raises(DraftVersionConflict) as conflict:
        await founder.drafts.command(draft.draft_id, importing(contract()), version=0)
    assert conflict.value.current_version == 1
    snapshot = await founder.snapshots.take(draft.draft_id, version=1)
    request = await founder.requests.make(RequestApproval(snapshot_id=snapshot.snapshot_id))
    ballot = await story_vote(founder, request.request_id, SigningKey.generate())
    with pytest.raises(ApprovalRefused) as refused:
        await founder.requests.vote(request.request_id, ballot)
    assert refused.value.reasons


async def test_a_change_whose_answer_was_lost_is_made_once(
    url: str, story: Story, ids: Ids
) -> None:
    workspace = await story.workspace()
    transport = Forgetful(url)
    async with Studio(url, story.workplace.founder_key, transport=transport, ids=ids) as studio:
        draft = await studio.drafts.open(workspace.workspace_id)
        applied = await studio.drafts.command(draft.draft_id, importing(contract()), version=0)
        assert applied.version == 1
        assert (await studio.drafts.get(draft.draft_id)).current_version == 1


async def test_a_key_of_the_caller_s_own_makes_a_repeated_call_the_same_one(
    founder: Studio,
) -> None:
    first = await founder.people.create(CreateActor(kind=ActorKind.PERSON, name="eve"), key="once")
    again = await founder.people.create(CreateActor(kind=ActorKind.PERSON, name="eve"), key="once")
    assert first.actor_id == again.actor_id


async def test_a_list_is_walked_to_its_end(founder: Studio, story: Story) -> None:
    made = [(await story.workspace(agent=f"a{n}")).workspace_id for n in range(5)]
    page = await founder.workspaces.page(limit=2)
    assert [item.workspace_id for item in page.items] == made[:2]
    rest = await founder.workspaces.page(cursor=page.next_cursor, limit=200)
    assert [item.workspace_id for item in rest.items] == made[2:]
    assert [item.workspace_id async for item in founder.workspaces.every()] == made


async def test_a_colleague_s_key_is_let_in_and_removed(
    url: str, founder: Studio, story: Story
) -> None:
    ada, ben = await story.signer("ada"), await story.signer("ben")
    workspace = await story.workspace(ada)
    async with Studio(url, ben.api_key) as asking:
        given = await asking.enrolments.challenge()
        proof = evidence.sign_proof(
            given.tenant_id, given.actor_id, bytes.fromhex(given.challenge), ben.key
        )
        wish = AskEnrolment(
            workspace_id=workspace.workspace_id,
            challenge_id=given.challenge_id,
            public_key=ben.key.public.raw,
            proof=encode_envelope(proof),
        )
        asked = await asking.enrolments.ask(wish)
    fields = asked.vote_fields
    word = EnrolmentVote(
        **{name: getattr(fields, name) for name in fields.__struct_fields__},
        decision=VoteDecision.APPROVE,
        voter_id=ada.principal.actor_id,
        key_id=ada.key.key_id,
    )
    async with Studio(url, ada.api_key) as confirming:
        envelope = sign_enrolment_vote(word, ada.key)
        done = await confirming.enrolments.confirm(asked.enrolment_id, envelope)
    assert done.status is EnrolmentStatus.CONFIRMED
    assert [item.status async for item in founder.enrolments.every()] == [done.status]
    removed = await founder.enrolments.remove(
        workspace.workspace_id, ben.principal.actor_id, "left the team"
    )
    assert removed.actor_id == ben.principal.actor_id
    ended = await founder.keys.revoke(ben.key.key_id, "left the team")
    assert ended.key_id == ben.key.key_id


async def test_neither_client_nor_door_shows_the_api_key(founder: Studio) -> None:
    assert "plc_" not in f"{founder!r}{founder.door!r}"


async def test_a_segment_that_is_no_id_is_never_sent(founder: Studio) -> None:
    with pytest.raises(ValueError, match="no id"):
        await founder.approvals.artifact("../keys")
    with pytest.raises(Refusal):
        await founder.approvals.artifact("ab")
