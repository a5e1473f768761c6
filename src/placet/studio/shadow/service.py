"""Starting, ending and reading shadows."""

import asyncio
from datetime import timedelta
from uuid import UUID

from placet.authority import store as authority
from placet.kernel.ids import Ids
from placet.plans import service as plans
from placet.plans.model import GovernancePlan
from placet.storage import work
from placet.storage.database import Reading, Writing
from placet.storage.faults import StateMovedOn
from placet.studio.approvals import store as approvals
from placet.studio.drafts import store as drafts
from placet.studio.drafts.model import DraftClosed, DraftStatus
from placet.studio.impact import sides
from placet.studio.shadow import rules, store
from placet.studio.shadow.model import (
    DAYS_MAX,
    NothingInForce,
    Shadow,
    ShadowAnswer,
    ShadowCursor,
    ShadowEnd,
    ShadowEnded,
    ShadowId,
    ShadowStarted,
    ShadowStatus,
)
from placet.studio.snapshots import store as snapshots
from placet.studio.snapshots.model import BusinessDraftSnapshot
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import GovernanceWorkspace, WorkspaceStatus


async def start_shadow(tx: Writing, snapshot_id: UUID, ids: Ids) -> Shadow:
    """Put a snapshot beside the artifact in force; one that is there already goes on.

    Another running shadow of the workspace is superseded. Refuses `snapshot_not_found`,
    `draft_closed`, `candidate_invalid`, `nothing_in_force` and `workspace_not_active`.
    """
    snapshot = await snapshots.get_snapshot(tx, snapshot_id)
    draft = await drafts.get_draft(tx, snapshot.draft_id)
    if draft.status is not DraftStatus.OPEN:
        raise DraftClosed(detail=f"the draft is `{draft.status}`", draft_status=draft.status)
    candidate = await asyncio.to_thread(sides.candidate_side, snapshot)
    workspace = await workspace_store.get_workspace(tx, snapshot.workspace_id)
    await workspace_store.hold_active(tx, workspace.workspace_id)
    plan = await plans.find_underlying(tx, workspace.agent, workspace.environment)
    running = await store.find_running(tx, workspace.workspace_id)
    if running is not None:
        approval = None if plan is None else plan.approval_id
        if (running.snapshot_id, running.approval_id) == (snapshot_id, approval):
            return running
        await end_shadow(tx, running, ShadowEnd.SUPERSEDED, ids)
    shadow = await _insert(tx, workspace, snapshot, candidate, plan, ids)
    said = ShadowStarted(
        shadow_id=shadow.shadow_id,
        snapshot_id=shadow.snapshot_id,
        candidate_hash=shadow.candidate_hash,
        approval_id=shadow.approval_id,
        artifact_hash=shadow.artifact_hash,
        ends_at=shadow.ends_at,
    )
    await work.put_due(tx, work.FOLLOW_SHADOW, shadow.shadow_id, shadow.started_at)
    await workspaces.tell(tx, workspace.workspace_id, [said], ids)
    return shadow


async def stop_shadow(tx: Writing, snapshot_id: UUID, ids: Ids) -> Shadow:
    """End the shadow of a snapshot; one that has ended stays as it is.

    Refuses `snapshot_not_found` and `shadow_not_found`.
    """
    await snapshots.get_snapshot(tx, snapshot_id)
    shadow = await store.get_latest_of(tx, snapshot_id)
    await end_shadow(tx, shadow, ShadowEnd.STOPPED, ids)
    return await store.get_latest_of(tx, snapshot_id)


async def end_shadow(tx: Writing, shadow: Shadow, why: ShadowEnd, ids: Ids) -> None:
    """End a shadow with its event, unless it has ended."""
    held = await store.hold_running(tx, shadow.shadow_id)
    if held is None or not await store.advance_to_ended(tx, held, why):
        return
    tallies = await store.list_tallies(tx, held.shadow_id)
    said = ShadowEnded(
        shadow_id=held.shadow_id,
        snapshot_id=held.snapshot_id,
        candidate_hash=held.candidate_hash,
        why=why,
        counts=rules.counts_of(tallies, held.left_out),
    )
    await workspaces.tell(tx, held.workspace_id, [said], ids)


async def find_end(tx: Reading, shadow: Shadow) -> ShadowEnd | None:
    """Return why a running shadow is over now, or None."""
    snapshot = await snapshots.get_snapshot(tx, shadow.snapshot_id)
    draft = await drafts.get_draft(tx, snapshot.draft_id)
    plan = await plans.find_underlying(tx, shadow.agent, shadow.environment)
    in_force = None if plan is None else plan.approval_id
    approved = None
    if in_force is not None and in_force != shadow.approval_id:
        approved = (await approvals.get_approval(tx, in_force)).draft_snapshot_id
    workspace = await workspace_store.get_workspace(tx, shadow.workspace_id)
    return rules.decide_end(
        shadow,
        is_archived=workspace.status is not WorkspaceStatus.ACTIVE,
        draft_status=draft.status,
        in_force=in_force,
        approved_snapshot=approved,
        now=await tx.now(),
    )


async def show_shadow(tx: Reading, snapshot_id: UUID) -> ShadowAnswer:
    """Return the latest shadow of a snapshot with its counts, and its lag while it runs.

    Refuses `snapshot_not_found` and `shadow_not_found`.
    """
    await snapshots.get_snapshot(tx, snapshot_id)
    shadow = await store.get_latest_of(tx, snapshot_id)
    tallies = await store.list_tallies(tx, shadow.shadow_id)
    is_running = shadow.status is ShadowStatus.RUNNING
    return ShadowAnswer(
        shadow_id=shadow.shadow_id,
        workspace_id=shadow.workspace_id,
        snapshot_id=shadow.snapshot_id,
        agent=shadow.agent,
        environment=shadow.environment,
        candidate_hash=shadow.candidate_hash,
        approval_id=shadow.approval_id,
        artifact_hash=shadow.artifact_hash,
        status=shadow.status,
        ended_why=shadow.ended_why,
        started_by=shadow.started_by,
        started_at=shadow.started_at,
        ends_at=shadow.ends_at,
        ended_at=shadow.ended_at,
        counts=rules.counts_of(tallies, shadow.left_out),
        tallies=rules.ranked(tallies),
        lag=await store.read_lag(tx, shadow) if is_running else None,
    )


async def _insert(  # noqa: PLR0913, PLR0917 -- the parts of one row, each read by the caller
    tx: Writing,
    workspace: GovernanceWorkspace,
    snapshot: BusinessDraftSnapshot,
    candidate: sides.Side,
    plan: GovernancePlan | None,
    ids: Ids,
) -> Shadow:
    if plan is None or plan.artifact_id is None or plan.approval_id is None:
        raise NothingInForce(detail="nothing is in force for this agent there")
    artifact = await authority.get_artifact(tx, plan.artifact_id)
    compiled = (artifact.compiled_hash, artifact.runtime_projection_json)
    if await asyncio.to_thread(sides.authority_side, *compiled) is None:
        raise NothingInForce(detail="what is in force cannot be evaluated by this version")
    # Race: the ends are read before the time is, so that every call since then is past its cursor.
    ends = await store.list_ends(tx, workspace.agent, workspace.environment, artifact.artifact_id)
    started_at = await tx.now()
    shadow = Shadow(
        tenant_id=tx.tenant_id,
        shadow_id=ShadowId(ids.new()),
        workspace_id=workspace.workspace_id,
        snapshot_id=snapshot.snapshot_id,
        agent=workspace.agent,
        environment=workspace.environment,
        candidate_hash=candidate.compiled_hash,
        approval_id=plan.approval_id,
        artifact_id=artifact.artifact_id,
        artifact_hash=artifact.compiled_hash,
        status=ShadowStatus.RUNNING,
        ended_why=None,
        started_by=tx.actor_id,
        started_at=started_at,
        ends_at=started_at + timedelta(days=DAYS_MAX),
        ended_at=None,
        left_out=0,
    )
    if not await store.insert_shadow(tx, shadow):
        raise StateMovedOn(detail="another shadow was started at the same moment")
    cursors = [
        ShadowCursor(
            tenant_id=tx.tenant_id,
            shadow_id=shadow.shadow_id,
            session_id=one.session_id,
            seq=one.seq,
        )
        for one in ends
    ]
    await store.insert_cursors(tx, cursors)
    return shadow
