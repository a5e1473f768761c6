"""Looking at what was observed, and moving the plan once it is enough."""

import logging
from typing import Final
from uuid import UUID

from placet.kernel.ids import Ids
from placet.plans import service as plans
from placet.plans.model import PlanLearned, PlanNotFound, PlanStatus
from placet.replay.sessions.policies import acting_for
from placet.storage.database import Database, Reading, Writing
from placet.storage.faults import StateMovedOn
from placet.storage.work import JUDGE_READINESS, WorkDue, finish_due, take_due
from placet.studio.readiness import rules
from placet.studio.readiness.model import SOURCES_MAX, Observed, Readiness, Thresholds
from placet.studio.sources import store as sources
from placet.studio.sources.model import SourceKind
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import WorkspaceId

BATCH: Final = 50
TAKEN_SECONDS: Final = 60
_LOG: Final = logging.getLogger("placet.worker")


async def look(tx: Reading, workspace_id: UUID, asked: Thresholds) -> Readiness:
    """Return how far a workspace's plan is. Refuses `workspace_not_found`, `plan_not_found`."""
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    plan = await plans.find_plan(tx, workspace.agent, workspace.environment)
    if plan is None:
        raise PlanNotFound(detail="nobody has opened governance for this agent there")
    seen = await _observed(tx, workspace_id)
    return Readiness(
        plan_status=plan.status,
        observed=seen,
        calls_min=asked.calls_min,
        confidence_percent=asked.confidence_percent,
        is_enough=rules.is_enough(seen, asked),
    )


async def judge_due(db: Database, asked: Thresholds, ids: Ids) -> int:
    """Judge every workspace that is due, over all tenants. Returns how many there were.

    May run on several nodes at once: a plan is moved once.
    """
    due = await take_due(db, JUDGE_READINESS, limit=BATCH, lease_seconds=TAKEN_SECONDS)
    for work in due:
        try:
            async with db.writing(acting_for(work.tenant_id)) as tx:
                await judge(tx, work, asked, ids)
        except Exception:  # noqa: BLE001 -- one workspace's fault keeps no other waiting
            _LOG.exception("workspace %s was not judged and comes round again", work.ref)
    return len(due)


async def judge(tx: Writing, work: WorkDue, asked: Thresholds, ids: Ids) -> None:
    """Move the plan of a workspace to `READY` if it is learning and enough was observed."""
    said = await _moved(tx, work.ref, asked)
    await finish_due(tx, work)
    if said is not None:
        await workspaces.tell(tx, WorkspaceId(work.ref), [said], ids)


async def _moved(tx: Writing, workspace_id: UUID, asked: Thresholds) -> PlanLearned | None:
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    plan = await plans.find_plan(tx, workspace.agent, workspace.environment)
    if plan is None or plan.status is not PlanStatus.LEARNING:
        return None
    seen = await _observed(tx, workspace_id)
    if not rules.is_enough(seen, asked):
        return None
    # Race: an approval takes the workspace first too. Whoever comes second waits here, and finds
    # a workspace that stands on something already.
    if not await workspace_store.advance_to_learned(tx, workspace_id):
        return None
    ready = await plans.ready_plan(tx, plan, calls=seen.calls, confidence=seen.confidence)
    if ready is None:
        raise StateMovedOn(detail="the plan moved at the same moment")
    return ready


async def _observed(tx: Reading, workspace_id: UUID) -> Observed:
    runs = sorted(
        source.source_id
        for source in await sources.list_counted(tx, workspace_id)
        if source.kind is SourceKind.OBSERVED_RUNS
    )[-SOURCES_MAX:]
    tools = await sources.list_tools(tx, runs) if runs else []
    return rules.observed([tool.called for tool in tools], len(runs))
