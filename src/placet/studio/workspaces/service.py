"""Opening a workspace: its row, its first approvers, its plan, and the event that tells of them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from placet.authority import service as authority
from placet.authority import store as people
from placet.authority.model import PersonKey, ProofWanted
from placet.events import store as events
from placet.events.model import StreamId, StreamKind, new_event, tenant_stream
from placet.evidence.first_approver import first_challenge
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.plans import service as plans
from placet.plans.model import OpenPlan
from placet.storage.database import Reading, Writing
from placet.storage.faults import StateMovedOn
from placet.studio.workspaces import rules, store
from placet.studio.workspaces.model import (
    ApproverKey,
    ApproverShown,
    CreateWorkspace,
    FirstApprover,
    GovernanceWorkspace,
    GroupJoined,
    GroupMember,
    KeyStanding,
    RuntimeAuthorityKind,
    WorkspaceApprover,
    WorkspaceCreated,
    WorkspaceExists,
    WorkspaceId,
    WorkspaceKey,
    WorkspaceStatus,
)
from placet.tenancy import service as tenancy
from placet.tenancy import store as actors
from placet.tenancy.model import GrantRole, Role


async def create_workspace(tx: Writing, asked: CreateWorkspace, ids: Ids) -> GovernanceWorkspace:
    """Open a workspace with its first approvers and a plan in `LEARNING`.

    Where an archived one went before, its plan goes on as it stands, with the new posture. Refuses
    `posture_not_allowed`, `approvers_not_distinct`, `groups_refused`, `workspace_exists`,
    `enrolment_refused`, and conflicts when the plan was changed, or another workspace of the agent
    made and archived, at the same moment.
    """
    enforcement, unplanned = rules.decide_posture(asked)
    rules.check_approvers(asked)
    rules.check_groups(asked)
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
        succeeds=await store.find_latest_of(tx, asked.agent, asked.environment),
    )
    if not await store.insert_workspace(tx, workspace):
        raise await _taken(tx, asked)
    await _check_succession(tx, workspace)
    # The plan before the `authority` stream, in the order in which an approval takes them.
    opened = await plans.open_plan(tx, _plan(workspace), ids)
    said: list[Value] = [_created(workspace, await _enrol(tx, workspace, asked, ids)), *opened]
    await tell(tx, workspace.workspace_id, said, ids)
    return workspace


async def _check_succession(tx: Writing, workspace: GovernanceWorkspace) -> None:
    """Refuse a workspace that was to follow another than the last one."""
    # Race: between the read and the insert another may have been made and archived; from the insert
    # on none can be.
    before = await store.find_latest_of(
        tx, workspace.agent, workspace.environment, but=workspace.workspace_id
    )
    if before != workspace.succeeds:
        raise StateMovedOn(detail="another workspace of the agent was made at the same moment")


async def hold_standings(tx: Writing, workspace_id: UUID) -> None:
    """Keep every key of a workspace as it counts now until the transaction is over.

    Comes before what it holds is read, and before anything is appended.
    """
    await people.hold_keys(tx)
    await actors.hold_actors(tx, [key.actor_id for key in await store.list_keys(tx, workspace_id)])


async def read_standings(
    tx: Reading, workspace_id: UUID
) -> Mapping[str, tuple[WorkspaceKey, KeyStanding]]:
    """Return every key that was let in to a workspace by its id, and whether it counts now."""
    keys = await store.list_keys(tx, workspace_id)
    removals = await store.list_removals(tx, workspace_id)
    ended = await people.list_revocations(tx, [key.key_id for key in keys])
    disabled = await actors.list_disabled(tx, [key.actor_id for key in keys])
    now = await tx.now()
    revoked = {revocation.key_id for revocation in ended}
    return {
        key.key_id: (key, rules.standing_of(key, removals, revoked, disabled, now)) for key in keys
    }


async def show_approvers(
    tx: Reading, workspace_id: UUID, people: Sequence[WorkspaceApprover]
) -> list[ApproverShown]:
    """Return approvers of a workspace with their keys as they count now."""
    standings = await read_standings(tx, workspace_id)
    members = await store.list_members(tx, workspace_id)
    removals = await store.list_removals(tx, workspace_id)
    return [
        ApproverShown(
            actor_id=person.actor_id,
            confirmed_by=person.confirmed_by,
            since=person.since,
            keys=[
                ApproverKey(
                    key_id=key.key_id,
                    standing=standing,
                    confirmed_by=key.confirmed_by,
                    since=key.since,
                    counts_from=key.counts_from,
                    groups=[each for each in members if each.key_id == key.key_id],
                )
                for key, standing in standings.values()
                if key.actor_id == person.actor_id
            ],
            removals=[each for each in removals if each.actor_id == person.actor_id],
        )
        for person in people
    ]


async def join_groups(tx: Writing, members: Sequence[GroupMember], ids: Ids) -> None:
    """Let votes by these keys count for these groups, and tell the `authority` stream of it.

    Who is in a group already is passed over.
    """
    joined = [member for member in members if await store.insert_member(tx, member)]
    said = [
        GroupJoined(
            workspace_id=member.workspace_id,
            group=member.group_name,
            actor_id=member.actor_id,
            key_id=member.key_id,
            confirmed_by=member.confirmed_by,
            counts_from=member.counts_from,
        )
        for member in joined
    ]
    if said:
        stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
        bodies = [new_event(ids, body) for body in said]
        await events.append(tx, stream, StreamKind.AUTHORITY, bodies)


async def tell(tx: Writing, workspace_id: WorkspaceId, said: list[Value], ids: Ids) -> None:
    """Append events to a workspace's stream. Comes last in a transaction."""
    bodies = [new_event(ids, body) for body in said]
    await events.append(tx, StreamId(workspace_id), StreamKind.WORKSPACE, bodies)


async def _enrol(
    tx: Writing, workspace: GovernanceWorkspace, asked: CreateWorkspace, ids: Ids
) -> list[FirstApprover]:
    first = []
    for approver in asked.approvers:
        naming = rules.naming_of(workspace, approver.groups)
        wanted = ProofWanted(challenge=first_challenge(naming), over=rules.words_of(naming))
        key = await authority.enrol_first_key(tx, approver, wanted, ids)
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
        await store.insert_key(
            tx,
            WorkspaceKey(
                tenant_id=tx.tenant_id,
                workspace_id=workspace.workspace_id,
                actor_id=key.actor_id,
                key_id=key.key_id,
                confirmed_by=[],
                since=workspace.created_at,
                counts_from=workspace.created_at,
                proof=approver.proof,
            ),
        )
        groups = sorted(set(approver.groups))
        await join_groups(tx, [_first_member(workspace, key, name) for name in groups], ids)
        named = FirstApprover(
            actor_id=key.actor_id, key_id=key.key_id, groups=groups, proof=approver.proof
        )
        first.append(named)
    return first


def _first_member(workspace: GovernanceWorkspace, key: PersonKey, name: str) -> GroupMember:
    return GroupMember(
        tenant_id=workspace.tenant_id,
        workspace_id=workspace.workspace_id,
        group_name=name,
        key_id=key.key_id,
        actor_id=key.actor_id,
        confirmed_by=[],
        since=workspace.created_at,
        counts_from=workspace.created_at,
    )


def _plan(workspace: GovernanceWorkspace) -> OpenPlan:
    return OpenPlan(
        agent=workspace.agent,
        environment=workspace.environment,
        enforcement=workspace.enforcement,
        unplanned=workspace.unplanned,
    )


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
        succeeds=workspace.succeeds,
        enforcement=workspace.enforcement,
        unplanned=workspace.unplanned,
        approval_policy=workspace.approval_policy,
        first_approvers=first,
    )
