"""The plan becomes ready by what was observed, once, and only then."""

import asyncio
import json

import httpx
import pytest
import sqlalchemy as sa
from tests.studio.story import AGENT, Story

from placet.events.model import StreamId
from placet.events.store import list_events
from placet.kernel.principal import Environment
from placet.plans import store as plans
from placet.plans.model import GovernancePlan, PlanStatus
from placet.replay.sessions.policies import acting_for
from placet.storage.work import JUDGE_READINESS, WorkDue
from placet.studio.readiness import service
from placet.studio.readiness.model import Thresholds
from placet.studio.sources import service as sources
from placet.studio.sources.model import AddSource, Provenance, SourceKind, SourceMedia
from placet.studio.workspaces import store as workspaces
from placet.studio.workspaces.model import GovernanceWorkspace, RuntimeAuthorityKind

ASKED = Thresholds(calls_min=6, confidence_percent=80)
_TAKE = sa.text("SELECT ref FROM placet.work_due_take_v1('judge_readiness', 1000, 60)")


async def observe(
    story: Story,
    workspace: GovernanceWorkspace,
    *tools: str,
    kind: SourceKind = SourceKind.OBSERVED_RUNS,
) -> None:
    """Add a source with a call of each of these tools."""
    lines = [
        json.dumps({"tool": tool, "arguments": {"n": number}}) for number, tool in enumerate(tools)
    ]
    asked = AddSource(
        kind=kind,
        title="Runs",
        media_type=SourceMedia.JSONL,
        content="\n".join(lines),
        provenance=Provenance(origin="capture"),
    )
    material = await sources.examine(asked)
    async with story.db.writing(story.founder) as tx:
        await sources.add_source(tx, workspace.workspace_id, material, story.ids)


async def judge(story: Story, workspace: GovernanceWorkspace, asked: Thresholds = ASKED) -> None:
    async with story.db.writing(acting_for(workspace.tenant_id)) as tx:
        work = WorkDue(
            tenant_id=workspace.tenant_id,
            kind=JUDGE_READINESS,
            ref=workspace.workspace_id,
            due_at=await tx.now(),
        )
        await service.judge(tx, work, asked, story.ids)


async def plan_of(story: Story) -> GovernancePlan:
    async with story.db.reading(story.founder) as tx:
        plan = await plans.find_stored_plan(tx, AGENT, Environment.STAGING)
    assert plan is not None
    return plan


async def said(story: Story, workspace: GovernanceWorkspace) -> list[str]:
    async with story.db.reading(story.founder) as tx:
        events = await list_events(tx, StreamId(workspace.workspace_id), after=0, limit=100)
    return [event.type for event in events]


async def test_enough_calls_make_a_plan_ready_and_say_so(story: Story) -> None:
    workspace = await story.workspace(await story.signer())
    await observe(story, workspace, "a", "a", "b")
    await judge(story, workspace)
    assert (await plan_of(story)).status is PlanStatus.LEARNING
    await observe(story, workspace, "a", "b", "c")
    await judge(story, workspace)
    plan = await plan_of(story)
    assert (plan.status, plan.version) == (PlanStatus.READY, 2)
    assert (await said(story, workspace))[-1] == "PlanLearned"
    async with story.db.reading(story.founder) as tx:
        kept = await workspaces.get_workspace(tx, workspace.workspace_id)
    assert kept.runtime_authority_kind is RuntimeAuthorityKind.PLAN


async def test_calls_in_other_sources_do_not_count(story: Story) -> None:
    workspace = await story.workspace(await story.signer())
    await observe(story, workspace, *"aaaaaaaa", kind=SourceKind.UPLOADED_DOC)
    await judge(story, workspace)
    assert (await plan_of(story)).status is PlanStatus.LEARNING


async def test_new_tools_never_lead_back(story: Story) -> None:
    workspace = await story.workspace(await story.signer())
    await observe(story, workspace, *"aaaaaa")
    await judge(story, workspace)
    ready = await plan_of(story)
    await observe(story, workspace, *"bcdefghij")
    await judge(story, workspace)
    assert await plan_of(story) == ready
    assert ready.status is PlanStatus.READY


async def test_an_approved_plan_is_left_alone(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    await observe(story, workspace, *"aaaaaa")
    _, _, request = await story.asked(workspace)
    await story.vote(request, signer)
    approved = await plan_of(story)
    await judge(story, workspace)
    assert await plan_of(story) == approved
    assert approved.status is PlanStatus.APPROVED


async def test_two_workers_move_a_plan_once_and_a_vote_beside_them_counts(story: Story) -> None:
    signer = await story.signer()
    workspace = await story.workspace(signer)
    await observe(story, workspace, *"aaaaaa")
    _, _, request = await story.asked(workspace)
    await asyncio.gather(
        *(judge(story, workspace) for _ in range(3)),
        story.vote(request, signer),
    )
    events = await said(story, workspace)
    assert events.count("PlanLearned") <= 1
    assert events.count("PlanApproved") == 1
    assert (await plan_of(story)).status is PlanStatus.APPROVED


async def test_two_workers_alone_move_a_plan_once(story: Story) -> None:
    workspace = await story.workspace(await story.signer())
    await observe(story, workspace, *"aaaaaa")
    await asyncio.gather(*(judge(story, workspace) for _ in range(4)), return_exceptions=True)
    assert (await said(story, workspace)).count("PlanLearned") == 1
    assert (await plan_of(story)).version == 2


async def due_after(story: Story, workspace: GovernanceWorkspace, kind: SourceKind) -> bool:
    """Tell whether a source of this kind makes its workspace due, before anybody can take it."""
    asked = AddSource(
        kind=kind,
        title="Runs",
        media_type=SourceMedia.JSONL,
        content='{"tool": "a", "arguments": {}}',
        provenance=Provenance(origin="capture"),
    )
    material = await sources.examine(asked)
    async with story.db.writing(story.founder) as tx:
        await sources.add_source(tx, workspace.workspace_id, material, story.ids)
        rows = await tx.rows(_TAKE)
    return workspace.workspace_id in {row.ref for row in rows}


async def test_observed_runs_and_nothing_else_make_a_workspace_due(story: Story) -> None:
    workspace = await story.workspace(await story.signer())
    assert not await due_after(story, workspace, SourceKind.UPLOADED_DOC)
    assert await due_after(story, workspace, SourceKind.OBSERVED_RUNS)


async def test_readiness_is_shown_beside_what_is_asked_for(
    client: httpx.AsyncClient, story: Story
) -> None:
    workspace = await story.workspace(await story.signer())
    await observe(story, workspace, "a", "a", "b")
    path = f"/api/v1/studio/workspaces/{workspace.workspace_id}/readiness"
    key = {"Authorization": f"Bearer {story.workplace.founder_key}"}
    shown = (await client.get(path, headers=key)).json()
    assert shown == {
        "plan_status": "LEARNING",
        "observed": {
            "sources": 1,
            "calls": 3,
            "tools": 2,
            "tools_seen_once": 1,
            "confidence": "0.6666",
        },
        "calls_min": 200,
        "confidence_percent": 95,
        "is_enough": False,
    }


@pytest.mark.parametrize("count", [50, 51])
async def test_only_the_newest_fifty_sources_count(story: Story, count: int) -> None:
    workspace = await story.workspace(await story.signer())
    for number in range(count):
        await observe(story, workspace, f"tool-{number}", f"tool-{number}")
    async with story.db.reading(story.founder) as tx:
        seen = (await service.look(tx, workspace.workspace_id, ASKED)).observed
    assert (seen.sources, seen.tools) == (50, 50)
