"""A contract's whole life through the SDK: written by two, approved by groups, promoted, ended."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final
from uuid import UUID

import pytest
from msgspec.structs import asdict, replace
from tests.journeys.conftest import Network, Serving
from tests.studio.story import AGENT, LOOKUP, REFUND, Signer, Story, contract, importing, raw

from placet.evidence.bundle import KeyList
from placet.evidence.dsse import encode_envelope
from placet.evidence.enrolment import EnrolmentVote, sign_enrolment_vote
from placet.evidence.verify import verify_dossier
from placet.evidence.vote import ApprovalVote, VoteDecision, sign_proof, sign_vote
from placet.kernel.principal import Environment
from placet.plans.attachments.model import AttachmentStatus, AttachmentView
from placet.plans.model import Enforcement, PlanStatus
from placet.replay.sessions.refusals import ArtifactRevoked, NoAuthority
from placet.sdk.client import Client
from placet.sdk.errors import CallBlocked
from placet.sdk.govern import governed
from placet.sdk.session import Session
from placet.sdk.studio.client import Studio
from placet.studio.approvals.model import ApprovalFlaw, ApprovalRefused
from placet.studio.dossiers.rules import named_keys
from placet.studio.drafts.grounds.model import ResolveJudgment
from placet.studio.drafts.model import ApplyCommand, Comment, DraftVersionConflict, SetToolContract
from placet.studio.endings.model import ApprovalStatus
from placet.studio.enrolments.model import AskEnrolment, EnrolmentStatus
from placet.studio.judgments.model import JudgmentStatus
from placet.studio.requests.model import RequestAnswer, RequestApproval, RequestStatus
from placet.studio.votes.model import VoteAnswer
from placet.studio.workspaces.model import (
    ApprovalGroup,
    ApprovalPolicy,
    CreateWorkspace,
    GovernanceWorkspace,
)

STAGING: Final = Environment.STAGING
PRODUCTION: Final = Environment.PRODUCTION
POLICY: Final = ApprovalPolicy(
    quorum=2,
    groups=(ApprovalGroup(name="ops"), ApprovalGroup(name="risk")),
    four_eyes=True,
    enrolment_delay_hours=0,
)
GENEROUS: Final = REFUND | {"arguments": [{"path": "$.amount_cents", "gte": 1, "lte": 90_000}]}


class Person:
    """Somebody at the desk: a client of their own, and the key that they sign with."""

    def __init__(self, signer: Signer, studio: Studio) -> None:
        """Take both."""
        self.signer = signer
        self.studio = studio

    async def vote(self, request: RequestAnswer) -> VoteAnswer:
        """Sign an approval of what the request asks for now, and hand it in."""
        fields = (await self.studio.requests.get(request.request_id)).vote_fields
        vote = ApprovalVote(**asdict(fields), decision=VoteDecision.APPROVE, **self.signing())
        return await self.studio.requests.vote(request.request_id, sign_vote(vote, self.signer.key))

    async def enrol(self, workspace_id: UUID, group: str, by: "Person") -> EnrolmentStatus:
        """Ask to vote for a group, and have a member of it confirm that."""
        given = await self.studio.enrolments.challenge()
        key = self.signer.key
        proof = sign_proof(given.tenant_id, given.actor_id, bytes.fromhex(given.challenge), key)
        wish = AskEnrolment(
            workspace_id=workspace_id,
            challenge_id=given.challenge_id,
            public_key=key.public.raw,
            proof=encode_envelope(proof),
            groups=(group,),
        )
        asked = await self.studio.enrolments.ask(wish)
        fields = asdict((await by.studio.enrolments.get(asked.enrolment_id)).vote_fields)
        word = EnrolmentVote(**fields, decision=VoteDecision.APPROVE, **by.signing())
        envelope = sign_enrolment_vote(word, by.signer.key)
        return (await by.studio.enrolments.confirm(asked.enrolment_id, envelope)).status

    async def ask(self, draft_id: UUID) -> RequestAnswer:
        """Answer what is open about a draft, freeze it and ask for its approval."""
        drafts = self.studio.drafts
        found = (await drafts.review(draft_id)).judgments
        for judgment in (one for one in found if one.status is JudgmentStatus.OPEN):
            version = (await drafts.get(draft_id)).current_version
            answer = ResolveJudgment(judgment_id=judgment.judgment_id)
            await drafts.command(draft_id, answer, version=version, reason="the desk is watched")
        version = (await drafts.get(draft_id)).current_version
        taken = await self.studio.snapshots.take(draft_id, version=version)
        return await self.studio.requests.make(RequestApproval(snapshot_id=taken.snapshot_id))

    def signing(self) -> dict[str, Any]:
        """Return who signs, with which key."""
        return {
            "voter_id": self.signer.principal.actor_id,
            "key_id": self.signer.key.key_id,
        }


class Agent:
    """The agent of one environment: each process of it holds one session."""

    def __init__(self, network: Network, key: str, environment: Environment) -> None:
        """Take its way to the service and its runtime key."""
        self._network = network
        self._key = key
        self._environment = environment

    @asynccontextmanager
    async def process(self, name: str) -> AsyncIterator[Session]:
        """Run a process under this name; its report has been sent when the block begins."""
        reported = asyncio.Event()
        self._network.after["attachments"] = reported.set
        line = self._network.line()
        client = Client(self._network.url, self._key, transport=line, holder=name)
        async with client, client.session() as session:
            async with asyncio.timeout(60):
                await reported.wait()
            yield session


@governed
async def issue_refund(order_id: str, amount_cents: int) -> str:
    return f"refunded {amount_cents} of {order_id}"


class Office:
    """Everybody of the story, and what they look at between its steps."""

    def __init__(self, people: dict[str, Person], admin: Studio) -> None:
        """Take the people by their names, and the admin."""
        self.people = people
        self.admin = admin

    async def open(self, environment: Environment, **groups: str) -> GovernanceWorkspace:
        """Open a workspace whose first approvers are these people of these groups."""
        wish = CreateWorkspace(
            agent=AGENT,
            environment=environment,
            enforcement=Enforcement.BLOCK if environment is STAGING else None,
            approval_policy=POLICY,
            approvers=tuple(
                self.people[name].signer.enrolment(group, environment=environment)
                for name, group in groups.items()
            ),
        )
        return await self.admin.workspaces.create(wish)

    async def status(self, environment: Environment) -> tuple[PlanStatus, str | None]:
        """Return how the plan stands, and what is in force."""
        plan = await self.admin.plans.get(AGENT, environment)
        return plan.status, plan.compiled_hash

    async def instance(self, environment: Environment, name: str) -> AttachmentView:
        """Return what one process says that it runs."""
        page = await self.admin.plans.attachments(AGENT, environment)
        (found,) = [one for one in page.items if one.instance_id == name]
        return found

    async def approve(self, request: RequestAnswer, *names: str) -> tuple[UUID, str]:
        """Have people vote one after the other; return the approval and its hash."""
        for name in names[:-1]:
            assert (await self.people[name].vote(request)).status is RequestStatus.OPEN
        answer = await self.people[names[-1]].vote(request)
        assert answer.status is RequestStatus.GRANTED
        assert answer.approval_id is not None
        assert answer.compiled_hash is not None
        return answer.approval_id, answer.compiled_hash

    async def refused(self, request: RequestAnswer, name: str) -> list[ApprovalFlaw]:
        """Return why somebody's vote does not count."""
        with pytest.raises(ApprovalRefused) as refusal:
            await self.people[name].vote(request)
        return [reason.code for reason in refusal.value.reasons]


@pytest.fixture
async def office(service: Serving, story: Story) -> AsyncIterator[Office]:
    """Three approvers of whom two write, and an admin."""
    async with AsyncExitStack() as stack:
        people = {}
        for name in ("ada", "ben", "cyd"):
            signer = await story.signer(name)
            studio = await stack.enter_async_context(Studio(service.url, signer.api_key))
            people[name] = Person(signer, studio)
        admin = Studio(service.url, story.workplace.founder_key)
        yield Office(people, await stack.enter_async_context(admin))


async def agent_of(story: Story, network: Network, environment: Environment) -> Agent:
    """Return the agent in an environment."""
    _, key = await story.workplace.agent(AGENT, environment)
    return Agent(network, key, environment)


async def written_by_two(office: Office, workspace: GovernanceWorkspace) -> UUID:
    """Have ada and ben write a contract; ben is in the way of ada once, and reads again."""
    ada, ben = office.people["ada"].studio, office.people["ben"].studio
    draft_id = (await ada.drafts.open(workspace.workspace_id)).draft_id
    await ada.drafts.command(draft_id, importing(contract(LOOKUP)), version=0, reason="a start")
    refund = ApplyCommand(
        expected_draft_version=0, command=SetToolContract(tool=raw(REFUND)), reason="the desk pays"
    )
    with pytest.raises(DraftVersionConflict) as conflict:
        await ben.drafts.apply(draft_id, refund)
    again = replace(refund, expected_draft_version=conflict.value.current_version)
    assert (await ben.drafts.apply(draft_id, again)).version == 2
    blame = await ada.drafts.blame(draft_id)
    assert len({rule.set_by.actor_id for rule in blame.rules}) == 2
    return draft_id


async def reviewed(office: Office, draft_id: UUID) -> tuple[UUID, str]:
    """Ask for the approval of what two wrote; one edit moves it, and its authors are not enough."""
    ada, ben = office.people["ada"], office.people["ben"]
    moved = await ada.ask(draft_id)
    await ben.studio.drafts.command(draft_id, Comment(text="is 500 enough?"), version=2)
    assert ApprovalFlaw.VERSION_MOVED in await office.refused(moved, "cyd")
    request = await ada.ask(draft_id)
    assert (await ada.studio.requests.get(moved.request_id)).status is RequestStatus.SUPERSEDED
    assert (await ada.vote(request)).status is RequestStatus.OPEN
    assert await office.refused(request, "ben") == [ApprovalFlaw.AUTHOR_ALONE]
    return await office.approve(request, "cyd")


async def test_a_contract_is_written_approved_promoted_rolled_back_and_revoked(
    office: Office, story: Story, network: Network
) -> None:
    staging = await office.open(STAGING, ada="ops", ben="risk")
    cyd, ben = office.people["cyd"], office.people["ben"]
    enrolled = await cyd.enrol(staging.workspace_id, "risk", by=ben)
    assert enrolled is EnrolmentStatus.CONFIRMED
    desk = await agent_of(story, network, STAGING)
    with pytest.raises(NoAuthority):
        await desk.process("early").__aenter__()
    assert (await office.instance(STAGING, "early")).status is AttachmentStatus.NO_PLAN
    assert await office.status(STAGING) == (PlanStatus.LEARNING, None)

    draft_id = await written_by_two(office, staging)
    first, compiled = await reviewed(office, draft_id)
    assert await office.status(STAGING) == (PlanStatus.APPROVED, compiled)
    async with desk.process("desk"):
        assert await issue_refund("ord_1", 100) == "refunded 100 of ord_1"
        with pytest.raises(CallBlocked):
            await issue_refund("ord_2", 60_000)
        shown = await office.instance(STAGING, "desk")
        assert (shown.compiled_hash, shown.is_converged) == (compiled, True)
    assert await office.status(STAGING) == (PlanStatus.ENFORCING, compiled)
    await in_production(office, await agent_of(story, network, PRODUCTION), first, compiled)
    await verified(office, staging)


async def in_production(office: Office, desk: Agent, first: UUID, compiled: str) -> None:
    """Promote, widen, roll back and revoke, while processes of the agent are at work."""
    workspace = await office.open(PRODUCTION, ada="ops", cyd="risk")
    ada, cyd = office.people["ada"], office.people["cyd"]
    which = workspace.workspace_id
    brought = await ada.studio.drafts.open(which, from_approval_id=first)
    promoted = await office.approve(await ada.ask(brought.draft_id), "ada", "cyd")
    assert promoted[1] == compiled
    assert await office.status(PRODUCTION) == (PlanStatus.APPROVED, compiled)
    async with desk.process("old"):
        assert await office.status(PRODUCTION) == (PlanStatus.ENFORCING, compiled)
        wider = await ada.studio.drafts.open(which, from_approval_id=promoted[0])
        command = SetToolContract(tool=raw(GENEROUS))
        await ada.studio.drafts.command(
            wider.draft_id, command, version=wider.current_version, reason="larger orders"
        )
        _, widened = await office.approve(await ada.ask(wider.draft_id), "ada", "cyd")
        assert widened != compiled
        assert not (await office.instance(PRODUCTION, "old")).is_converged
    async with desk.process("new"):
        assert await issue_refund("ord_3", 60_000) == "refunded 60000 of ord_3"
        assert (await office.instance(PRODUCTION, "new")).compiled_hash == widened
    back = await ada.studio.drafts.open(which, from_approval_id=promoted[0])
    rolled, again = await office.approve(await ada.ask(back.draft_id), "ada", "cyd")
    assert again == compiled
    async with desk.process("back"):
        with pytest.raises(CallBlocked):
            await issue_refund("ord_4", 60_000)
        assert (await office.instance(PRODUCTION, "back")).is_converged
        await cyd.studio.approvals.revoke(rolled, "refunds went to strangers")
        with pytest.raises(ArtifactRevoked):
            await issue_refund("ord_5", 100)
        assert not (await office.instance(PRODUCTION, "back")).is_converged
    assert await office.status(PRODUCTION) == (PlanStatus.READY, None)
    with pytest.raises(NoAuthority):
        await desk.process("late").__aenter__()
    found = [one.status async for one in ada.studio.approvals.every(which)]
    assert found == [
        ApprovalStatus.REVOKED,
        ApprovalStatus.SUPERSEDED,
        ApprovalStatus.SUPERSEDED,
    ]
    await verified(office, workspace)


async def verified(office: Office, workspace: GovernanceWorkspace) -> None:
    """Hold every approval of a workspace against pinned keys: both groups signed each of them."""
    studio = office.admin
    pinned = KeyList(version=1, keys=tuple(named_keys(await studio.keys.known())))
    async for one in studio.approvals.every(workspace.workspace_id):
        report = verify_dossier(await studio.approvals.export(one.approval_id), pinned)
        assert report.flaw is None
        assert len(set(report.approvers)) == 2
