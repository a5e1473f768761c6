"""Giving and ending standing grants."""

from uuid import UUID

from placet.authority import store as authority
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence.dsse import EnvelopeRefused, encode_envelope, parse_envelope
from placet.evidence.ed25519 import PublicKey
from placet.evidence.standing import Standing
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.refusals import NotFound
from placet.kernel.value import Value
from placet.policy.loaded import LoadedTool
from placet.replay.sessions.policies import Policies
from placet.replay.standing import service as ending
from placet.replay.standing import store
from placet.replay.standing.model import ReplayStandingGrant
from placet.storage.database import Reading, Writing
from placet.studio.approvals import store as approvals
from placet.studio.asks.rules import APPROVER
from placet.studio.standing import rules
from placet.studio.standing.model import (
    GiveStanding,
    RevokeStanding,
    StandingFlaw,
    StandingGranted,
    StandingObjection,
    StandingTerms,
    StandingView,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import (
    GovernanceWorkspace,
    KeyStanding,
    WorkspaceNotFound,
    WorkspaceStatus,
)
from placet.studio.workspaces.rules import groups_of
from placet.tenancy import store as tenancy
from placet.tenancy.model import Role


async def show_terms(
    tx: Reading, principal: Principal, workspace_id: UUID, tool: str, policies: Policies
) -> StandingTerms:
    """Return what a standing grant of a tool signs now.

    Refuses `workspace_not_found`, also for one of an agent or environment that the key is not bound
    to, and `standing_refused` where nothing is asked about the tool.
    """
    workspace = await _reach(tx, principal, workspace_id)
    found = await _terms(tx, workspace, tool, policies)
    if isinstance(found, StandingObjection):
        raise rules.refused([found])
    return found[0]


async def give_standing(
    tx: Writing, principal: Principal, asked: GiveStanding, policies: Policies, ids: Ids
) -> StandingView:
    """Put a standing grant in force that whoever `tx` was opened for signed.

    Refuses `standing_refused` with everything that stands against it. A workspace of an agent or
    environment that the key is not bound to is none here.
    """
    standing, envelope = await _open(tx, asked)
    found: StandingObjection | tuple[StandingTerms, LoadedTool]
    try:
        workspace = await _reach(tx, principal, standing.workspace_id)
    except NotFound:
        found = rules.objection(StandingFlaw.SIGNED_OTHERWISE, "it names no workspace here")
    else:
        await workspaces.hold_standings(tx, workspace.workspace_id)
        # Race: two that are given at once are counted one after the other, and none is given in a
        # workspace that is being archived.
        workspace = await workspace_store.lock_workspace(tx, workspace.workspace_id)
        found = await _terms(tx, workspace, standing.tool, policies)
    if isinstance(found, StandingObjection):
        raise rules.refused([found])
    terms, tool = found
    reasons = rules.check_standing(standing, tx.actor_id, terms, await tx.now())
    reasons += rules.check_rules(standing, tool)
    reasons += await _check_signer(tx, standing, terms)
    if reasons:
        raise rules.refused(reasons)
    grant = await _grant(tx, standing, envelope)
    if not await store.insert_grant(tx, grant):
        raise rules.refused([rules.not_added(is_given=await store.is_given(tx, grant.standing_id))])
    said = StandingGranted(
        standing_id=grant.standing_id,
        workspace_id=workspace.workspace_id,
        agent=grant.agent,
        environment=grant.environment,
        tool=grant.tool_name,
        uses=grant.uses_max,
        granted_by=grant.granted_by,
        key_id=grant.key_id,
        envelope=envelope,
    )
    await _tell(tx, said, ids)
    return rules.view_of(grant)


async def revoke_standing(
    tx: Writing, principal: Principal, standing_id: UUID, asked: RevokeStanding, ids: Ids
) -> StandingView:
    """End a standing grant: no call is granted by it from the answer on.

    Refuses `not_found`, and `transition_not_allowed` for one that was revoked before.
    """
    return rules.view_of(await ending.end_grant(tx, principal, standing_id, asked.reason, ids))


async def _reach(tx: Reading, principal: Principal, workspace_id: UUID) -> GovernanceWorkspace:
    """Return a workspace that this key may see. Refuses `workspace_not_found` for every other."""
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    if principal.agent not in {None, workspace.agent} or principal.environment not in {
        None,
        workspace.environment,
    }:
        raise WorkspaceNotFound(detail="there is no workspace with this id")
    return workspace


async def _open(tx: Writing, asked: GiveStanding) -> tuple[Standing, bytes]:
    try:
        envelope = parse_envelope(bytes(asked.envelope))
    except EnvelopeRefused as fault:
        found = rules.objection(StandingFlaw.ENVELOPE_MALFORMED, fault.detail)
        raise rules.refused([found]) from fault
    own = await authority.list_person_keys(tx, [tx.actor_id])
    opened = rules.open_standing(envelope, [PublicKey(raw=key.public_key) for key in own])
    if isinstance(opened, StandingObjection):
        raise rules.refused([opened])
    return opened, encode_envelope(envelope)


async def _terms(
    tx: Reading, workspace: GovernanceWorkspace, tool_name: str, policies: Policies
) -> tuple[StandingTerms, LoadedTool] | StandingObjection:
    if workspace.status is not WorkspaceStatus.ACTIVE or workspace.active_approval_id is None:
        return rules.objection(StandingFlaw.NOTHING_IN_FORCE, "no contract is in force there")
    approval = await approvals.get_approval(tx, workspace.active_approval_id)
    artifact = await authority.get_artifact(tx, approval.artifact_id)
    tool = (await policies.keep(tx, artifact)).policy.tools.get(tool_name)
    terms = None if tool is None else rules.terms_of(workspace, tool)
    if tool is None or terms is None:
        detail = "the contract in force asks nobody about this tool"
        return rules.objection(StandingFlaw.NEVER_ASKED, detail)
    return terms, tool


async def _check_signer(
    tx: Writing, standing: Standing, terms: StandingTerms
) -> list[StandingObjection]:
    keys = await workspaces.read_standings(tx, standing.workspace_id)
    _, counts = keys.get(standing.key_id, (None, None))
    if counts is not KeyStanding.COUNTS:
        detail = "votes by this key do not count in the workspace"
        return [rules.objection(StandingFlaw.KEY_DOES_NOT_COUNT, detail)]
    held = await tenancy.list_grants(tx, tx.actor_id)
    if not any(
        one.role is Role.APPROVER and one.workspace_id in {None, standing.workspace_id}
        for one in held
    ):
        detail = "the signer is no approver of the workspace"
        return [rules.objection(StandingFlaw.NOT_AN_APPROVER, detail)]
    members = await workspace_store.list_members(tx, standing.workspace_id)
    roles = groups_of(members, standing.key_id, await tx.now()) | {APPROVER}
    return rules.check_people(terms, roles)


async def _grant(tx: Writing, standing: Standing, envelope: bytes) -> ReplayStandingGrant:
    return ReplayStandingGrant(
        tenant_id=tx.tenant_id,
        standing_id=standing.standing_id,
        workspace_id=standing.workspace_id,
        agent=standing.agent,
        environment=standing.environment,
        tool_name=standing.tool,
        rules=rules.rules_text(standing),
        schema_hash=standing.schema_hash,
        checkpoint_hash=standing.checkpoint_hash,
        uses_max=standing.uses,
        used=0,
        reason=standing.reason,
        granted_by=tx.actor_id,
        key_id=standing.key_id,
        envelope=envelope,
        granted_at=await tx.now(),
        expires_at=standing.expires_at,
        revoked_by=None,
        revoke_reason=None,
        revoked_at=None,
    )


async def _tell(tx: Writing, said: Value, ids: Ids) -> None:
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
