"""Opening a workspace: its row, its first approvers, its plan, and the event that tells of them."""

from placet.authority import service as authority
from placet.events import store as events
from placet.events.model import StreamId, StreamKind, new_event
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.plans import service as plans
from placet.plans.model import OpenPlan
from placet.storage.database import Writing
from placet.studio.workspaces import rules, store
from placet.studio.workspaces.model import (
    CreateWorkspace,
    FirstApprover,
    GovernanceWorkspace,
    RuntimeAuthorityKind,
    WorkspaceApprover,
    WorkspaceCreated,
    WorkspaceExists,
    WorkspaceId,
    WorkspaceStatus,
)
from placet.tenancy import service as tenancy
from placet.tenancy.model import GrantRole, Role


async def create_workspace(tx: Writing, asked: CreateWorkspace, ids: Ids) -> GovernanceWorkspace:
    """Open a workspace with its first approvers and a plan in `LEARNING`.

    Refuses `posture_not_allowed`, `approvers_not_distinct`, `workspace_exists` and
    `enrolment_refused`.
    """
    enforcement, unplanned = rules.decide_posture(asked)
    rules.check_approvers(asked)
    workspace = GovernanceWorkspace(
        tenant_id=tx.tenant_id,
        workspace_id=WorkspaceId(ids.new()),
        agent=asked.agent,
        environment=asked.environment,
        status=WorkspaceStatus.ACTIVE,
        runtime_authority_kind=RuntimeAuthorityKind.NONE,
        active_draft_id=None,
        active_draft_snapshot_id=None,
        active_approval_id=None,
        enforcement=enforcement,
        unplanned=unplanned,
        approval_policy=asked.approval_policy,
        created_by=tx.actor_id,
        created_at=await tx.now(),
    )
    if not await store.insert_workspace(tx, workspace):
        raise await _taken(tx, asked)
    said: list[Value] = [_created(workspace, await _enrol(tx, workspace, asked, ids))]
    plan = OpenPlan(
        agent=workspace.agent,
        environment=workspace.environment,
        enforcement=enforcement,
        unplanned=unplanned,
    )
    if opened := await plans.open_plan(tx, plan, ids):
        said.append(opened)
    await tell(tx, workspace.workspace_id, said, ids)
    return workspace


async def tell(tx: Writing, workspace_id: WorkspaceId, said: list[Value], ids: Ids) -> None:
    """Append events to a workspace's stream. Comes last in a transaction."""
    bodies = [new_event(ids, body) for body in said]
    await events.append(tx, StreamId(workspace_id), StreamKind.WORKSPACE, bodies)


async def _enrol(
    tx: Writing, workspace: GovernanceWorkspace, asked: CreateWorkspace, ids: Ids
) -> list[FirstApprover]:
    first = []
    for approver in asked.approvers:
        key = await authority.enrol_first_key(tx, approver, ids)
        grant = GrantRole(
            actor_id=key.actor_id, role=Role.APPROVER, workspace_id=workspace.workspace_id
        )
        await tenancy.grant_role(tx, grant, ids)
        await store.insert_approver(
            tx,
            WorkspaceApprover(
                tenant_id=tx.tenant_id,
                workspace_id=workspace.workspace_id,
                actor_id=key.actor_id,
                confirmed_by=[],
                since=workspace.created_at,
            ),
        )
        first.append(FirstApprover(actor_id=key.actor_id, key_id=key.key_id))
    return first


async def _taken(tx: Writing, asked: CreateWorkspace) -> WorkspaceExists:
    existing = await store.find_workspace_of(tx, asked.agent, asked.environment)
    return WorkspaceExists(
        detail=f"the agent `{asked.agent}` has a workspace in {asked.environment}",
        workspace_id=existing.workspace_id if existing else None,
    )


def _created(workspace: GovernanceWorkspace, first: list[FirstApprover]) -> WorkspaceCreated:
    return WorkspaceCreated(
        workspace_id=workspace.workspace_id,
        agent=workspace.agent,
        environment=workspace.environment,
        enforcement=workspace.enforcement,
        unplanned=workspace.unplanned,
        approval_policy=workspace.approval_policy,
        first_approvers=first,
    )
