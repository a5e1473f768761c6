"""What an approval would change, what stands against it, and whose votes are missing."""

from typing import Any
from uuid import UUID

import pytest
from tests.replay.desk import CONTRACT, Desk
from tests.studio.story import Signer, Story, contract, importing
from tests.studio.traffic import capped
from tests.studio.views.looking import Looking, counting

from placet.authority import service as authority
from placet.authority.model import RevokeKey
from placet.evidence.vote import VoteDecision
from placet.kernel.principal import Environment
from placet.storage.database import Database
from placet.studio.requests.model import ApprovalRequest
from placet.studio.views.preview import service
from placet.studio.views.preview.model import ApprovalPreview
from placet.studio.workspaces.model import ApprovalGroup, ApprovalPolicy, GovernanceWorkspace

BOTH = ApprovalPolicy(
    quorum=2,
    groups=(ApprovalGroup(name="legal"), ApprovalGroup(name="risk")),
    four_eyes=True,
)


@pytest.fixture
async def ada(story: Story) -> Signer:
    return await story.signer("ada")


@pytest.fixture
async def ben(story: Story) -> Signer:
    return await story.signer("ben")


@pytest.fixture
async def workspace(story: Story, ada: Signer, ben: Signer) -> GovernanceWorkspace:
    """Ada is in the group legal, Ben in the group risk."""
    return await story.workspace(
        ada, ben, environment=Environment.STAGING, policy=BOTH, groups=(("legal",), ("risk",))
    )


async def previewed(story: Story, request: ApprovalRequest) -> ApprovalPreview:
    async with counting(story.db, story.founder) as (tx, asked):
        facts = await service.read_preview(tx, request.request_id)
    assert len(asked) == 1
    return await service.draw_preview(facts)


def short(preview: ApprovalPreview) -> dict[str | None, tuple[int, int]]:
    return {one.name: (one.missing, one.could_vote) for one in preview.missing}


async def test_a_preview_tells_who_may_vote_and_what_each_group_lacks(
    story: Story, workspace: GovernanceWorkspace, ada: Signer, ben: Signer
) -> None:
    draft = await story.draft(workspace)
    await story.command(draft, importing(contract()), by=ben.principal)
    request = await story.request(await story.snapshot(draft))
    before = await previewed(story, request)
    await story.vote(request, ada)
    after = await previewed(story, request)
    assert short(before) == {None: (2, 2), "legal": (1, 1), "risk": (1, 1)}
    assert short(after) == {None: (1, 1), "legal": (0, 0), "risk": (1, 1)}
    told = {one.name: (one.groups, one.is_author, one.may_vote, one.counts) for one in after.voters}
    assert told == {
        "ada": (["legal"], False, False, True),
        "ben": (["risk"], True, True, False),
    }
    assert before.stands_against == []
    assert "1 approvals are missing in the group `risk`" in after.says


async def test_a_key_that_was_revoked_is_missed_in_its_group(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    _, _, request = await story.asked(workspace)
    await story.vote(request, ada)
    async with story.db.writing(ada.principal) as tx:
        await authority.revoke_key(
            tx, ada.key.key_id, RevokeKey(reason="lost"), story.ids, is_admin=False
        )
    preview = await previewed(story, request)
    assert short(preview)["legal"] == (1, 0)
    assert "1 approvals are missing in the group `legal`, and 0 could be given" in preview.says
    (ada_told,) = [one for one in preview.voters if one.name == "ada"]
    assert (ada_told.decision, ada_told.counts) == (VoteDecision.APPROVE, False)
    assert ada_told.standings == ["revoked"]


async def test_an_edit_during_review_stands_against_the_approval(
    story: Story, workspace: GovernanceWorkspace
) -> None:
    draft, _, request = await story.asked(workspace)
    await story.command(draft, importing(CONTRACT), expected=1)
    preview = await previewed(story, request)
    assert {reason.code for reason in preview.stands_against} >= {"version_moved"}


async def test_a_request_that_was_refused_takes_no_more_votes(
    story: Story, workspace: GovernanceWorkspace, ada: Signer
) -> None:
    _, _, request = await story.asked(workspace)
    await story.vote(request, ada, VoteDecision.REFUSE)
    preview = await previewed(story, request)
    assert (preview.status, [one.code for one in preview.stands_against]) == (
        "refused",
        ["request_closed"],
    )
    assert not any(one.may_vote for one in preview.voters)
    assert [one.decision for one in preview.voters] == ["refuse", None]


async def test_a_preview_tells_what_changes_against_what_is_in_force(
    looking: Looking, story: Story, desk: Desk
) -> None:
    workspace = looking.scanner.workspace
    draft = await story.draft(workspace)
    await story.command(draft, importing(capped(10)))
    snapshot = await story.snapshot(draft)
    request = await story.request(snapshot)
    shown = await looking.see(f"approval-requests/{request.request_id}/preview")
    assert shown["against"] == str(workspace.active_approval_id)
    assert shown["is_current"]
    assert [(change["kind"], change["tool"]) for change in shown["changes"]] == [
        ("narrowed", "issue_refund")
    ]
    assert shown["impact"] is None
    assert "no impact was computed: what becomes of recorded calls is not known" in shown["says"]
    await counted(desk, snapshot.snapshot_id)
    later = await looking.see(f"approval-requests/{request.request_id}/preview")
    assert (later["impact"]["calls"], later["impact_in_view"]) == (0, None)
    assert "the impact was computed over no call: it says nothing" in later["says"]
    assert (shown["snapshot_hash"], shown["snapshot_version"]) == (snapshot.snapshot_hash, 1)


async def counted(desk: Desk, snapshot_id: UUID) -> dict[str, Any]:
    answer = await desk.post(
        f"/api/v1/studio/snapshots/{snapshot_id}/impact", {}, desk.workplace.founder_key
    )
    assert answer.status_code in {200, 201}, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_a_preview_of_another_tenant_is_none(
    looking: Looking, other: Story, db: Database
) -> None:
    assert db is other.db
    _, _, request = await other.asked(await other.workspace(await other.signer()))
    answer = await looking.ask(f"approval-requests/{request.request_id}/preview")
    assert (answer.status_code, answer.json()["code"]) == (404, "request_not_found")
