"""Previews and shadows through the studio's client."""

import pytest
from tests.studio.story import Story, contract, importing

from placet.kernel.ids import Ids
from placet.sdk.studio.client import Studio
from placet.studio.impact.model import CandidateInvalid, ComparedWith, ImpactNotFound
from placet.studio.shadow.model import NothingInForce, ShadowEnd, ShadowNotFound, ShadowStatus
from placet.studio.snapshots.model import SnapshotNotFound


async def test_a_candidate_is_previewed_and_followed_with_typed_answers_and_refusals(
    founder: Studio, story: Story, ids: Ids
) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    _, snapshot, request = await story.asked(workspace)
    with pytest.raises(SnapshotNotFound):
        await founder.impact.latest(ids.new())
    with pytest.raises(ImpactNotFound):
        await founder.impact.latest(snapshot.snapshot_id)
    with pytest.raises(NothingInForce):
        await founder.impact.start_shadow(snapshot.snapshot_id)
    alone = await founder.impact.preview(snapshot.snapshot_id)
    assert alone.compared_with is ComparedWith.RECORDED
    assert (await story.vote(request, signer)).approval_id is not None
    draft = await founder.drafts.open(workspace.workspace_id)
    command = importing(contract(gate="strip_partial"))
    applied = await founder.drafts.command(draft.draft_id, command, version=0)
    candidate = await founder.snapshots.take(draft.draft_id, version=applied.version)
    made = await founder.impact.preview(candidate.snapshot_id, seconds=3_600, calls_max=10)
    assert made == await founder.impact.latest(candidate.snapshot_id)
    assert (made.compared_with, made.report.calls) == (ComparedWith.IN_FORCE, 0)
    with pytest.raises(ShadowNotFound):
        await founder.impact.shadow(candidate.snapshot_id)
    started = await founder.impact.start_shadow(candidate.snapshot_id)
    assert started.status is ShadowStatus.RUNNING
    assert (await founder.impact.shadow(candidate.snapshot_id)).shadow_id == started.shadow_id
    stopped = await founder.impact.stop_shadow(candidate.snapshot_id)
    assert stopped.ended_why is ShadowEnd.STOPPED


async def test_what_is_wrong_with_a_candidate_comes_with_the_refusal(
    founder: Studio, story: Story
) -> None:
    workspace = await story.workspace()
    draft = await founder.drafts.open(workspace.workspace_id)
    snapshot = await founder.snapshots.take(draft.draft_id, version=draft.current_version)
    with pytest.raises(CandidateInvalid) as refused:
        await founder.impact.preview(snapshot.snapshot_id)
    assert refused.value.findings
