"""Questions about workspaces, and the guarded moves of their pointers."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.kernel.principal import Environment
from placet.storage.database import Reading, Writing, fields_of
from placet.studio.workspaces.model import (
    ApprovalPolicy,
    ApproverRemoval,
    GovernanceWorkspace,
    GroupMember,
    RuntimeAuthorityKind,
    WorkspaceApprover,
    WorkspaceKey,
    WorkspaceNotActive,
    WorkspaceNotFound,
    WorkspaceStatus,
)
from placet.studio.workspaces.tables import APPROVER, KEY, MEMBER, REMOVAL, WORKSPACE


def insert_statement(workspace: GovernanceWorkspace) -> sa.Insert:
    """Return the insert that gives way to an active workspace of this agent and environment."""
    # Race: of two that are made at once, the second waits here for the first and adds nothing.
    return postgresql.insert(WORKSPACE).values(fields_of(workspace)).on_conflict_do_nothing()


async def insert_workspace(tx: Writing, workspace: GovernanceWorkspace) -> bool:
    """Add a workspace. Returns whether there was no active one for its agent and environment."""
    return await tx.change(insert_statement(workspace)) == 1


async def insert_approver(tx: Writing, approver: WorkspaceApprover) -> None:
    """Make a person an approver of a workspace, unless they are one or were one before."""
    added = postgresql.insert(APPROVER).values(fields_of(approver))
    await tx.change(added.on_conflict_do_nothing())


async def insert_key(tx: Writing, key: WorkspaceKey) -> bool:
    """Let an approver vote with a key. Returns False if the key was let in here before."""
    added = postgresql.insert(KEY).values(fields_of(key))
    return await tx.change(added.on_conflict_do_nothing()) == 1


async def insert_member(tx: Writing, member: GroupMember) -> bool:
    """Let votes by a key count for a group. Returns False if they did before."""
    added = postgresql.insert(MEMBER).values(fields_of(member))
    return await tx.change(added.on_conflict_do_nothing()) == 1


async def insert_removal(tx: Writing, removal: ApproverRemoval) -> None:
    """End every key that an approver has in a workspace."""
    await tx.insert(REMOVAL, removal)


async def list_keys(tx: Reading, workspace_id: UUID) -> list[WorkspaceKey]:
    """Return every key that was ever let in to a workspace, the oldest first."""
    return await tx.list(
        WorkspaceKey,
        sa.select(KEY)
        .where(KEY.c.tenant_id == tx.tenant_id, KEY.c.workspace_id == workspace_id)
        .order_by(KEY.c.since, KEY.c.key_id),
    )


async def list_members(tx: Reading, workspace_id: UUID) -> list[GroupMember]:
    """Return everybody who was ever let in to a group of a workspace, the oldest first."""
    return await tx.list(
        GroupMember,
        sa.select(MEMBER)
        .where(MEMBER.c.tenant_id == tx.tenant_id, MEMBER.c.workspace_id == workspace_id)
        .order_by(MEMBER.c.since, MEMBER.c.group_name, MEMBER.c.key_id),
    )


async def list_removals(tx: Reading, workspace_id: UUID) -> list[ApproverRemoval]:
    """Return every removal of an approver from a workspace, the oldest first."""
    return await tx.list(
        ApproverRemoval,
        sa.select(REMOVAL)
        .where(REMOVAL.c.tenant_id == tx.tenant_id, REMOVAL.c.workspace_id == workspace_id)
        .order_by(REMOVAL.c.removed_at, REMOVAL.c.removal_id),
    )


async def list_approvers(tx: Reading, workspace_id: UUID) -> list[WorkspaceApprover]:
    """Return everybody whose vote counts in a workspace, the longest-serving first."""
    return await tx.list(
        WorkspaceApprover,
        sa.select(APPROVER)
        .where(APPROVER.c.tenant_id == tx.tenant_id, APPROVER.c.workspace_id == workspace_id)
        .order_by(APPROVER.c.since, APPROVER.c.actor_id),
    )


async def list_approvers_after(
    tx: Reading, workspace_id: UUID, *, after: UUID | None, limit: int
) -> list[WorkspaceApprover]:
    """Return up to `limit` people who were ever let in to a workspace, by id, after one of them."""
    query = sa.select(APPROVER).where(
        APPROVER.c.tenant_id == tx.tenant_id, APPROVER.c.workspace_id == workspace_id
    )
    if after is not None:
        query = query.where(APPROVER.c.actor_id > after)
    return await tx.list(WorkspaceApprover, query.order_by(APPROVER.c.actor_id).limit(limit))


async def get_workspace(tx: Reading, workspace_id: UUID) -> GovernanceWorkspace:
    """Return a workspace. Refuses `workspace_not_found`."""
    found = await tx.find(
        GovernanceWorkspace,
        sa.select(WORKSPACE).where(
            WORKSPACE.c.tenant_id == tx.tenant_id, WORKSPACE.c.workspace_id == workspace_id
        ),
    )
    if found is None:
        raise WorkspaceNotFound(detail="there is no workspace with this id")
    return found


def hold_statement(tx: Reading, workspace_id: UUID) -> sa.Select[tuple[object, ...]]:
    """Return the question that also keeps a workspace as it is until the transaction ends."""
    # Race: an archiving at the same moment waits here for what is being written, or is seen by it.
    return (
        sa.select(WORKSPACE.c.status)
        .where(WORKSPACE.c.tenant_id == tx.tenant_id, WORKSPACE.c.workspace_id == workspace_id)
        .with_for_update(read=True)
    )


async def hold_active(tx: Writing, workspace_id: UUID) -> None:
    """Keep a workspace from being archived before this transaction ends.

    For what changes no pointer of it; comes after every lock on requests and on keys. Refuses
    `workspace_not_active`.
    """
    (row,) = await tx.rows(hold_statement(tx, workspace_id))
    if row.status is not WorkspaceStatus.ACTIVE:
        raise WorkspaceNotActive(detail=f"the workspace is `{row.status}`")


def lock_statement(tx: Reading, workspace_id: UUID) -> sa.Select[tuple[object, ...]]:
    """Return the question that also keeps every other of its kind out until the transaction ends.

    Race: an activation of what stands by and the end of its approval take this both, so that the
    later of the two sees the earlier.
    """
    return (
        sa.select(WORKSPACE)
        .where(WORKSPACE.c.tenant_id == tx.tenant_id, WORKSPACE.c.workspace_id == workspace_id)
        .with_for_update(key_share=True)
    )


async def lock_workspace(tx: Writing, workspace_id: UUID) -> GovernanceWorkspace:
    """Return a workspace and hold it. Refuses `workspace_not_found`."""
    found = await tx.find(GovernanceWorkspace, lock_statement(tx, workspace_id))
    if found is None:
        raise WorkspaceNotFound(detail="there is no workspace with this id")
    return found


async def find_workspace_of(
    tx: Reading, agent: str, environment: Environment
) -> GovernanceWorkspace | None:
    """Return the active workspace of an agent in an environment; archived ones do not count."""
    return await tx.find(
        GovernanceWorkspace,
        sa.select(WORKSPACE).where(
            WORKSPACE.c.tenant_id == tx.tenant_id,
            WORKSPACE.c.agent == agent,
            WORKSPACE.c.environment == environment,
            WORKSPACE.c.status == WorkspaceStatus.ACTIVE,
        ),
    )


async def find_latest_of(
    tx: Reading, agent: str, environment: Environment, *, but: UUID | None = None
) -> UUID | None:
    """Return the workspace of an agent in an environment that was made last, whatever its status.

    That which is named in `but` is passed over.
    """
    query = sa.select(WORKSPACE.c.workspace_id).where(
        WORKSPACE.c.tenant_id == tx.tenant_id,
        WORKSPACE.c.agent == agent,
        WORKSPACE.c.environment == environment,
    )
    if but is not None:
        query = query.where(WORKSPACE.c.workspace_id != but)
    made = (WORKSPACE.c.created_at.desc(), WORKSPACE.c.workspace_id.desc())
    rows = await tx.rows(query.order_by(*made).limit(1))
    return UUID(str(rows[0].workspace_id)) if rows else None


async def list_workspaces(
    tx: Reading, *, after: UUID | None, limit: int
) -> list[GovernanceWorkspace]:
    """Return up to `limit` workspaces in the order of their making, after the one named."""
    query = sa.select(WORKSPACE).where(WORKSPACE.c.tenant_id == tx.tenant_id)
    if after is not None:
        query = query.where(WORKSPACE.c.workspace_id > after)
    return await tx.list(GovernanceWorkspace, query.order_by(WORKSPACE.c.workspace_id).limit(limit))


async def advance_draft(tx: Writing, workspace: GovernanceWorkspace, draft_id: UUID | None) -> bool:
    """Point at a new active draft or none, with no snapshot yet, if nothing has moved since."""
    return (
        await tx.change(
            _as_read(workspace).values(active_draft_id=draft_id, active_draft_snapshot_id=None)
        )
        == 1
    )


async def advance_snapshot(tx: Writing, workspace: GovernanceWorkspace, snapshot_id: UUID) -> bool:
    """Point at a new active snapshot of the active draft, if nothing has moved since the read."""
    return await tx.change(_as_read(workspace).values(active_draft_snapshot_id=snapshot_id)) == 1


async def advance_approval(
    tx: Writing, workspace: GovernanceWorkspace, approval_id: UUID, policy: ApprovalPolicy
) -> bool:
    """Point at a new approval and at no draft, if nothing has moved since the read.

    `policy` is what the next approval is judged by.
    """
    moved = _as_read(workspace).values(
        active_draft_id=None,
        active_draft_snapshot_id=None,
        active_approval_id=approval_id,
        runtime_authority_kind=RuntimeAuthorityKind.ARTIFACT,
        approval_policy=policy,
    )
    return await tx.change(moved) == 1


async def advance_to_learned(tx: Writing, workspace_id: UUID) -> bool:
    """Stand on what was learned, if the workspace is active and stood on nothing until now."""
    changed = await tx.change(
        sa.update(WORKSPACE)
        .where(
            WORKSPACE.c.tenant_id == tx.tenant_id,
            WORKSPACE.c.workspace_id == workspace_id,
            WORKSPACE.c.status == WorkspaceStatus.ACTIVE,
            WORKSPACE.c.runtime_authority_kind == RuntimeAuthorityKind.NONE,
        )
        .values(runtime_authority_kind=RuntimeAuthorityKind.PLAN)
    )
    return changed == 1


async def advance_to_archived(tx: Writing, workspace: GovernanceWorkspace) -> bool:
    """Close a workspace, which then points at no draft, if nothing has moved since the read."""
    closed = _as_read(workspace).values(
        status=WorkspaceStatus.ARCHIVED, active_draft_id=None, active_draft_snapshot_id=None
    )
    return await tx.change(closed) == 1


def release_statement(tx: Writing, workspace_id: UUID, approval_id: UUID) -> sa.Update:
    """Return the move away from an approval, which holds only while the workspace points at it."""
    # Race: a newer approval that comes at the same moment stays in force.
    return (
        sa.update(WORKSPACE)
        .where(
            WORKSPACE.c.tenant_id == tx.tenant_id,
            WORKSPACE.c.workspace_id == workspace_id,
            WORKSPACE.c.active_approval_id == approval_id,
        )
        .values(active_approval_id=None, runtime_authority_kind=RuntimeAuthorityKind.PLAN)
    )


async def release_approval(tx: Writing, workspace_id: UUID, approval_id: UUID) -> bool:
    """Point at no approval, if the workspace points at this one. Returns whether it did."""
    return await tx.change(release_statement(tx, workspace_id, approval_id)) == 1


def _as_read(workspace: GovernanceWorkspace) -> sa.Update:
    """Return a change that holds only while the workspace points where it pointed when read."""
    return sa.update(WORKSPACE).where(
        WORKSPACE.c.tenant_id == workspace.tenant_id,
        WORKSPACE.c.workspace_id == workspace.workspace_id,
        WORKSPACE.c.status == WorkspaceStatus.ACTIVE,
        WORKSPACE.c.active_draft_id.is_not_distinct_from(workspace.active_draft_id),
        WORKSPACE.c.active_draft_snapshot_id.is_not_distinct_from(
            workspace.active_draft_snapshot_id
        ),
        WORKSPACE.c.active_approval_id.is_not_distinct_from(workspace.active_approval_id),
    )
