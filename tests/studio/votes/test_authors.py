"""Four eyes: whose hands count as an author's, behind approvals that are and are not in force."""

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from tests.conftest import Server
from tests.studio.story import LOOKUP, Signer, Story, contract, importing

from placet.evidence.vote import VotePurpose
from placet.studio.approvals.model import ApprovalFlaw, ApprovalRefused
from placet.studio.drafts import service as drafts
from placet.studio.drafts import store as draft_store
from placet.studio.drafts.model import BusinessDraft, ImportArtifact, OpenDraft, Rebase
from placet.studio.endings import service as endings
from placet.studio.endings.model import RevokeApproval
from placet.studio.origins import service as origins
from placet.studio.requests.model import RequestStatus
from placet.studio.views.preview.store import find_preview
from placet.studio.votes.model import VoteAnswer
from placet.studio.votes.service import ballot_of
from placet.studio.workspaces.model import ApprovalPolicy, GovernanceWorkspace

FOUR_EYES = ApprovalPolicy(four_eyes=True)


class Office:
    """A workspace with four eyes, in which Ada writes and Ben approves."""

    def __init__(self, story: Story) -> None:
        """Stand on a story."""
        self.story = story
        self.ada: Signer
        self.ben: Signer
        self.workspace: GovernanceWorkspace

    async def open(self) -> None:
        """Hire both, and open the workspace."""
        self.ada, self.ben = [await self.story.signer(name) for name in ("ada", "ben")]
        self.workspace = await self.story.workspace(self.ada, self.ben, policy=FOUR_EYES)

    async def approve(
        self, by: Signer, *tools: dict[str, Any], purpose: VotePurpose = VotePurpose.ORDINARY
    ) -> UUID:
        """Have what somebody wrote approved by the other one."""
        draft = await self.begin(by)
        await self.story.command(draft, importing(contract(*tools)), by=by.principal)
        snapshot = await self.story.snapshot(draft)
        request = await self.story.request(snapshot, purpose=purpose)
        other = self.ben if by is self.ada else self.ada
        approval = (await self.story.vote(request, other)).approval_id
        assert approval is not None
        return approval

    async def begin(self, by: Signer) -> BusinessDraft:
        """Open an empty draft as somebody."""
        async with self.story.db.writing(by.principal) as tx:
            return await drafts.open_draft(
                tx, self.workspace.workspace_id, OpenDraft(), self.story.ids
            )

    async def reopen(self, approval: UUID) -> BusinessDraft:
        """Open a draft from an approval, as somebody who writes and approves nothing."""
        asked = OpenDraft(from_approval_id=approval)
        async with self.story.db.writing(self.story.founder) as tx:
            return await origins.open_draft(
                tx, self.workspace.workspace_id, asked, "key", self.story.ids
            )

    async def sign(self, draft: BusinessDraft, by: Signer, expected: int = 0) -> VoteAnswer:
        """Ask for a draft as it stands, see that its preview names the authors, and approve it."""
        request = await self.story.request(await self.story.snapshot(draft, expected=expected))
        async with self.story.db.reading(by.principal) as tx:
            shown = await find_preview(tx, request.request_id)
            ballot = await ballot_of(tx, request)
        assert shown is not None
        assert frozenset(shown.authors) == ballot.authors
        return await self.story.vote(request, by)


@pytest.fixture
async def office(story: Story) -> Office:
    made = Office(story)
    await made.open()
    return made


async def revoked(office: Office) -> UUID:
    approval = await office.approve(office.ada)
    async with office.story.db.writing(office.story.founder) as tx:
        why = RevokeApproval(reason="wrong")
        await endings.revoke_approval(tx, approval, why, office.story.ids, is_operator=True)
    return approval


async def replaced(office: Office) -> UUID:
    approval = await office.approve(office.ada)
    await office.approve(office.ben, LOOKUP)
    return approval


async def standing_by(office: Office) -> UUID:
    return await office.approve(office.ada, purpose=VotePurpose.BREAK_GLASS)


Ended = Callable[[Office], Coroutine[Any, Any, UUID]]


@pytest.mark.parametrize("ended", [revoked, replaced, standing_by])
async def test_who_wrote_what_is_not_in_force_does_not_bring_it_back_alone(
    office: Office, ended: Ended
) -> None:
    again = await office.reopen(await ended(office))
    with pytest.raises(ApprovalRefused) as refused:
        await office.sign(again, office.ada)
    assert [reason.code for reason in refused.value.reasons] == [ApprovalFlaw.AUTHOR_ALONE]


async def test_who_wrote_what_is_in_force_may_approve_what_another_makes_of_it(
    office: Office,
) -> None:
    again = await office.reopen(await office.approve(office.ada))
    assert (await office.sign(again, office.ada)).status is RequestStatus.GRANTED


async def test_who_wrote_what_ran_out_does_not_bring_it_back_alone_though_nobody_noted_the_end(
    office: Office, server: Server, database_name: str
) -> None:
    again = await office.reopen(await office.approve(office.ada))
    admin = await asyncpg.connect(server.admin(database_name))
    await admin.execute(
        "UPDATE placet.plans_plan SET approval_expires_at = now() WHERE tenant_id = $1",
        office.story.founder.tenant_id,
    )
    await admin.close()
    with pytest.raises(ApprovalRefused) as refused:
        await office.sign(again, office.ada)
    assert [reason.code for reason in refused.value.reasons] == [ApprovalFlaw.AUTHOR_ALONE]


async def test_an_approval_behind_one_that_is_not_in_force_takes_nobody_either(
    office: Office,
) -> None:
    first = await office.approve(office.ada)
    second = await office.reopen(first)
    await office.sign(second, office.ada)
    await office.approve(office.ben, LOOKUP)
    async with office.story.db.reading(office.story.founder) as tx:
        wrote = await drafts.list_authors(tx, second.draft_id)
        while_first_holds = await draft_store.list_authors(tx, second.draft_id, in_force=first)
    assert wrote == {office.story.founder.actor_id, office.ada.principal.actor_id}
    assert while_first_holds == {office.story.founder.actor_id}


@pytest.mark.parametrize("is_in_force", [True, False])
async def test_who_wrote_what_was_rebased_on_is_an_author_once_it_is_not_in_force(
    office: Office, *, is_in_force: bool
) -> None:
    story = office.story
    first = await office.approve(office.ben)
    second = await office.approve(office.ada, LOOKUP)
    draft = await office.reopen(first)
    await story.command(draft, Rebase(approval_id=second))
    if not is_in_force:
        async with story.db.writing(story.founder) as tx:
            why = RevokeApproval(reason="wrong")
            await endings.revoke_approval(tx, second, why, story.ids, is_operator=True)
    if is_in_force:
        await office.sign(draft, office.ada, expected=1)
    else:
        with pytest.raises(ApprovalRefused):
            await office.sign(draft, office.ada, expected=1)


async def branched(office: Office) -> BusinessDraft:
    """Return a draft of somebody else that begins with Ada's, which nobody approved."""
    story = office.story
    hers = await office.begin(office.ada)
    await story.command(hers, importing(contract(LOOKUP)), by=office.ada.principal)
    async with story.db.writing(story.founder) as tx:
        asked = OpenDraft(parent_draft_id=hers.draft_id)
        return await drafts.open_draft(tx, office.workspace.workspace_id, asked, story.ids)


@pytest.mark.parametrize("is_any_in_force", [True, False])
async def test_who_wrote_the_unapproved_draft_behind_another_does_not_approve_it_alone(
    office: Office, *, is_any_in_force: bool
) -> None:
    if is_any_in_force:
        await office.approve(office.ben)
    with pytest.raises(ApprovalRefused) as refused:
        await office.sign(await branched(office), office.ada)
    assert [reason.code for reason in refused.value.reasons] == [ApprovalFlaw.AUTHOR_ALONE]


async def test_an_import_names_who_wrote_the_unapproved_draft_behind_it(office: Office) -> None:
    story = office.story
    approval = (await office.sign(await branched(office), office.ben)).approval_id
    assert approval is not None
    draft = await office.begin(office.ben)
    await story.command(draft, ImportArtifact(approval_id=approval), by=office.ben.principal)
    async with story.db.reading(story.founder) as tx:
        wrote = await drafts.list_authors(tx, draft.draft_id)
    assert office.ada.principal.actor_id in wrote
