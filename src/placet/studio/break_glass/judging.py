"""Reading what an activation is judged by, once nothing of it can change any more."""

from collections.abc import Sequence
from uuid import UUID

from placet.authority import store as authority
from placet.authority.controls import store as controls
from placet.authority.model import PersonKey
from placet.evidence.break_glass import BreakGlassVote
from placet.evidence.dsse import EnvelopeRefused, parse_envelope
from placet.kernel.ids import ActorId
from placet.plans import service as plans
from placet.plans.model import EndingKind
from placet.storage.database import Reading, Writing
from placet.studio.approvals import store as approvals
from placet.studio.break_glass import rules, store
from placet.studio.break_glass.model import (
    PAIR_RESTS,
    Activation,
    ActivationCase,
    ActivationReason,
    Operator,
    SignActivation,
)
from placet.studio.endings import store as ending_store
from placet.studio.workspaces import store as workspace_store
from placet.tenancy import store as tenancy
from placet.tenancy.model import Role


async def hold_people(tx: Writing, people: Sequence[ActorId]) -> None:
    """Let no key end, and none of these people be disabled, before the transaction is over."""
    await authority.hold_keys(tx)
    await tenancy.hold_actors(tx, people)


async def read_vote(tx: Reading, asked: SignActivation) -> BreakGlassVote:
    """Return the vote that whoever `tx` was opened for signed. Refuses `break_glass_refused`."""
    own: list[PersonKey] = await authority.list_person_keys(tx, [tx.actor_id])
    try:
        opened = rules.open_envelope(parse_envelope(bytes(asked.envelope)), own)
    except EnvelopeRefused as fault:
        opened = rules.malformed(fault.detail)
    if isinstance(opened, ActivationReason):
        raise rules.refused([opened])
    return opened


async def read_operator(tx: Reading, actor_id: ActorId, workspace_id: UUID) -> Operator:
    """Return how somebody counts in a workspace now."""
    grants = await tenancy.list_grants(tx, actor_id)
    is_disabled = actor_id in await tenancy.list_disabled(tx, [actor_id])
    has_role = any(
        grant.role is Role.OPERATOR and grant.workspace_id in {None, workspace_id}
        for grant in grants
    )
    keys = [key.key_id for key in await authority.list_person_keys(tx, [actor_id])]
    ended = await authority.list_revocations(tx, keys)
    return Operator(
        actor_id=actor_id,
        is_operator=has_role and not is_disabled,
        revoked=frozenset(each.key_id for each in ended),
    )


async def read_case(tx: Reading, approval_id: UUID) -> ActivationCase:
    """Return what an activation of an approval is judged by. Refuses `approval_not_found`."""
    approval = await approvals.get_head(tx, approval_id)
    workspace = await workspace_store.get_workspace(tx, approval.workspace_id)
    artifact = await authority.get_artifact(tx, approval.artifact_id)
    revoked = await ending_store.find_ending(tx, approval_id, EndingKind.REVOKED)
    plan = await plans.find_plan(tx, workspace.agent, workspace.environment)
    now = await tx.now()
    return ActivationCase(
        workspace=workspace,
        approval=approval,
        artifact_hash=artifact.compiled_hash,
        revoked_at=None if revoked is None else revoked.ended_at,
        earlier=await store.list_confirmed(tx, workspace.workspace_id, now - PAIR_RESTS),
        in_effect=None if plan is None else plan.activation_id,
        now=now,
    )


async def as_they_count(tx: Reading, activations: Sequence[Activation]) -> list[Activation]:
    """Return activations as they count now."""
    endings = await ending_store.list_endings(tx, {each.approval_id for each in activations})
    revoked = {
        ending.approval_id: ending.ended_at
        for ended in endings.values()
        for ending in ended
        if ending.kind is EndingKind.REVOKED
    }
    now = await tx.now()
    return [rules.as_it_counts(each, revoked.get(each.approval_id), now) for each in activations]


async def pass_gate(tx: Writing, artifact_id: UUID) -> None:
    """Hold the gate, and refuse `break_glass_refused` under a kill. Comes last."""
    reasons = []
    if await controls.pass_gate(tx):
        reasons.append(rules.killed("tenant"))
    if await controls.list_artifact_kills(tx, [artifact_id]):
        reasons.append(rules.killed("artifact"))
    if reasons:
        raise rules.refused(reasons)
