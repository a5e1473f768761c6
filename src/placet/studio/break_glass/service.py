"""Opening, confirming and ending an activation of what stands by."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from msgspec.structs import replace

from placet.authority.checkpoints import service as checkpoints
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence.break_glass import BREAK_GLASS_VOTE_TYPE, BreakGlassVote
from placet.evidence.dsse import encode_envelope, parse_envelope
from placet.kernel.hashing import digest
from placet.kernel.ids import Ids
from placet.kernel.value import Value
from placet.plans import service as plans
from placet.plans.model import ActivatePlan
from placet.replay.sessions import store as sessions
from placet.replay.sessions.endings import END_SESSIONS
from placet.storage.database import Reading, Writing
from placet.storage.work import END_ACTIVATION, put_due
from placet.studio.break_glass import judging, rules, store
from placet.studio.break_glass.model import (
    OPEN_FOR,
    Activation,
    ActivationAnswer,
    ActivationCase,
    ActivationEnd,
    ActivationExists,
    ActivationStatus,
    BreakGlassConfirmed,
    BreakGlassEnded,
    BreakGlassOpened,
    EndActivation,
    EndingNotAllowed,
    SignActivation,
)
from placet.studio.drift import service as drift
from placet.studio.drift.model import DriftKind, DriftSeverity, DriftSubject, Sighting
from placet.studio.endings import service as endings
from placet.studio.endings.watch import OPENINGS_OVER
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import GovernanceWorkspace

T = TypeVar("T")


async def open_activation(tx: Writing, asked: SignActivation, ids: Ids) -> ActivationAnswer:
    """Open an activation with the vote of the operator that `tx` was opened for.

    Refuses `break_glass_refused` with every reason, `approval_not_found` for what the vote names
    and is not here, and `activation_exists`.
    """
    await judging.hold_people(tx, [tx.actor_id])
    vote = await judging.read_vote(tx, asked)
    case = await judging.read_case(tx, vote.approval_id)
    operator = await judging.read_operator(tx, tx.actor_id, case.workspace.workspace_id)
    reasons = rules.check_operator(vote.key_id, operator) + rules.check_voter(vote, operator)
    if not await checkpoints.is_ours(tx, vote.latest_checkpoint):
        reasons.append(rules.checkpoint_unknown())
    if reasons := reasons + rules.check_fields(vote, case) + rules.check_standby(case):
        raise rules.refused(reasons)
    activation = _activation(tx, vote, asked, case)
    if not await store.insert_activation(tx, activation):
        raise ActivationExists(detail="an activation with this id was opened before")
    await put_due(tx, END_ACTIVATION, activation.activation_id, activation.lapses_at)
    await tell(tx, activation, _opened(activation), [], ids)
    await judging.pass_gate(tx, activation.artifact_id)
    return await show_activation(tx, activation.activation_id)


async def confirm_activation(
    tx: Writing, activation_id: UUID, asked: SignActivation, ids: Ids
) -> ActivationAnswer:
    """Confirm an activation as a second operator: what stood by is in force from here on.

    Refuses `activation_not_found`, and `break_glass_refused` with every reason.
    """
    activation = await store.lock_activation(tx, activation_id)
    await judging.hold_people(tx, [activation.opened_by, tx.actor_id])
    await workspace_store.lock_workspace(tx, activation.workspace_id)
    vote = await judging.read_vote(tx, asked)
    case = await judging.read_case(tx, activation.approval_id)
    opener = await judging.read_operator(tx, activation.opened_by, activation.workspace_id)
    confirmer = await judging.read_operator(tx, tx.actor_id, activation.workspace_id)
    same = rules.fields_of(activation, case.workspace.environment)
    reasons = rules.check_operator(vote.key_id, confirmer) + rules.check_voter(vote, confirmer)
    reasons += rules.check_same(vote, same) + rules.check_standby(case)
    reasons += rules.check_confirmation(activation, opener, confirmer, case)
    if reasons:
        raise rules.refused(reasons)
    confirmed = replace(
        activation,
        status=ActivationStatus.ACTIVE,
        confirmed_by=tx.actor_id,
        confirmer_key_id=vote.key_id,
        confirmer_envelope=encode_envelope(parse_envelope(bytes(asked.envelope))),
        confirmed_at=case.now,
        ends_at=rules.ends_at(case, activation.minutes),
    )
    await store.advance_activation(tx, confirmed, ActivationStatus.OPEN)
    await _put_in_force(tx, confirmed, case.workspace, ids)
    await judging.pass_gate(tx, confirmed.artifact_id)
    return await show_activation(tx, activation_id)


async def end_activation(
    tx: Writing, activation_id: UUID, asked: EndActivation, ids: Ids
) -> ActivationAnswer:
    """End an activation before its time. After the answer nothing is granted under it.

    Ended twice is ended once. Refuses `activation_not_found` and `ending_not_allowed`.
    """
    activation = await store.lock_activation(tx, activation_id)
    its_own = tx.actor_id in {activation.opened_by, activation.confirmed_by}
    if not its_own and not await endings.is_approver(tx, activation.workspace_id):
        raise EndingNotAllowed(detail="you neither signed it nor approve in its workspace")
    (now,) = await judging.as_they_count(tx, [activation])
    if now.status not in {ActivationStatus.OPEN, ActivationStatus.ACTIVE}:
        return await show_activation(tx, activation_id)
    was_active = now.status is ActivationStatus.ACTIVE
    ended = replace(
        now,
        status=ActivationStatus.ENDED if was_active else ActivationStatus.WITHDRAWN,
        end_why=ActivationEnd.STOPPED if was_active else None,
        end_reason=asked.reason,
        ended_by=tx.actor_id,
        ended_at=await tx.now(),
    )
    await store.advance_activation(tx, ended, activation.status)
    said = await _restored(tx, ended) if was_active else []
    await tell(tx, ended, ended_of(ended), said, ids)
    if was_active:
        # Last, because it holds the gate: every grant of the tenant waits from here on.
        await sessions.cut_sessions(tx, ended.artifact_id, ended.activation_id)
    return await show_activation(tx, activation_id)


async def show_activation(tx: Reading, activation_id: UUID) -> ActivationAnswer:
    """Return an activation as it counts now. Refuses `activation_not_found`."""
    (answer,) = await show_activations(tx, [await store.get_activation(tx, activation_id)])
    return answer


async def show_activations(
    tx: Reading, activations: Sequence[Activation]
) -> list[ActivationAnswer]:
    """Return activations of one workspace as others see them now."""
    if not activations:
        return []
    workspace = await workspace_store.get_workspace(tx, activations[0].workspace_id)
    counted = await sessions.count_activated(tx, {each.artifact_id for each in activations})
    return [
        _answer(now, workspace, counted.get(now.activation_id, 0))
        for now in await judging.as_they_count(tx, activations)
    ]


def _answer(
    now: Activation, workspace: GovernanceWorkspace, sessions_open: int
) -> ActivationAnswer:
    return ActivationAnswer(
        activation_id=now.activation_id,
        workspace_id=now.workspace_id,
        approval_id=now.approval_id,
        artifact_hash=now.artifact_hash,
        status=now.status,
        minutes=now.minutes,
        reason=now.reason,
        opened_by=now.opened_by,
        opened_at=now.opened_at,
        lapses_at=now.lapses_at,
        confirmed_by=now.confirmed_by,
        confirmed_at=now.confirmed_at,
        ends_at=now.ends_at,
        end_why=now.end_why,
        end_reason=now.end_reason,
        ended_by=now.ended_by,
        ended_at=now.ended_at,
        sessions_open=sessions_open,
        vote_type=BREAK_GLASS_VOTE_TYPE,
        vote_fields=rules.fields_of(now, workspace.environment),
    )


async def tell(
    tx: Writing, activation: Activation, said: Value, beside: list[Value], ids: Ids
) -> None:
    """Say a step in the tenant's `authority` stream, and with what came of it in the workspace's.

    Comes last in a transaction, but for the gate.
    """
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
    await workspaces.tell(tx, activation.workspace_id, [said, *beside], ids)


def ended_of(activation: Activation) -> BreakGlassEnded:
    """Return the event that tells of an activation that is over."""
    assert activation.ended_at is not None  # noqa: S101 -- it is over: the row's CHECK
    return BreakGlassEnded(
        activation_id=activation.activation_id,
        workspace_id=activation.workspace_id,
        approval_id=activation.approval_id,
        status=activation.status,
        why=activation.end_why,
        reason=activation.end_reason,
        ended_at=activation.ended_at,
    )


async def _put_in_force(
    tx: Writing, activation: Activation, workspace: GovernanceWorkspace, ids: Ids
) -> None:
    confirmed = _confirmed(activation)
    plan = ActivatePlan(
        agent=workspace.agent,
        environment=workspace.environment,
        activation_id=activation.activation_id,
        artifact_id=activation.artifact_id,
        compiled_hash=activation.artifact_hash,
        approval_id=activation.approval_id,
        activated_at=_known(activation.confirmed_at),
        activated_until=confirmed.ends_at,
    )
    moved = await plans.activate_plan(tx, plan)
    _, opened = await drift.open_drift(tx, _sighting(activation), ids)
    await put_due(tx, END_ACTIVATION, activation.activation_id, confirmed.ends_at)
    await put_due(tx, END_SESSIONS, activation.artifact_id, confirmed.ends_at + OPENINGS_OVER)
    await tell(tx, activation, confirmed, [moved, *opened], ids)


async def _restored(tx: Writing, activation: Activation) -> list[Value]:
    workspace = await workspace_store.get_workspace(tx, activation.workspace_id)
    restored = await plans.restore_plan(
        tx, workspace.agent, workspace.environment, activation.activation_id
    )
    await put_due(tx, END_SESSIONS, activation.artifact_id, _known(activation.ended_at))
    return [] if restored is None else [restored]


def _known(value: T | None) -> T:
    assert value is not None, "set with the confirmation"  # noqa: S101 -- the row's CHECK
    return value


def _activation(
    tx: Writing, vote: BreakGlassVote, asked: SignActivation, case: ActivationCase
) -> Activation:
    return Activation(
        tenant_id=tx.tenant_id,
        activation_id=vote.activation_id,
        workspace_id=case.workspace.workspace_id,
        approval_id=case.approval.approval_id,
        artifact_id=case.approval.artifact_id,
        artifact_hash=case.artifact_hash,
        status=ActivationStatus.OPEN,
        minutes=vote.minutes,
        reason=vote.reason,
        opened_by=tx.actor_id,
        opener_key_id=vote.key_id,
        opener_envelope=encode_envelope(parse_envelope(bytes(asked.envelope))),
        opened_at=case.now,
        lapses_at=case.now + OPEN_FOR,
    )


def _sighting(activation: Activation) -> Sighting:
    # The activation stands in the fingerprint, so that each opens an item of its own.
    found = digest("break_glass", activation.activation_id.bytes).hex()
    return Sighting(
        workspace_id=activation.workspace_id,
        approval_id=activation.approval_id,
        kind=DriftKind.BREAK_GLASS,
        subject=DriftSubject(found=found),
        severity=DriftSeverity.CRITICAL,
        summary=f"put in force by break-glass for {activation.minutes} minutes",
        seen_at=_known(activation.confirmed_at),
    )


def _opened(activation: Activation) -> BreakGlassOpened:
    return BreakGlassOpened(
        activation_id=activation.activation_id,
        workspace_id=activation.workspace_id,
        approval_id=activation.approval_id,
        artifact_hash=activation.artifact_hash,
        minutes=activation.minutes,
        reason=activation.reason,
        opened_by=activation.opened_by,
        key_id=activation.opener_key_id,
        envelope=activation.opener_envelope,
        lapses_at=activation.lapses_at,
    )


def _confirmed(activation: Activation) -> BreakGlassConfirmed:
    return BreakGlassConfirmed(
        activation_id=activation.activation_id,
        workspace_id=activation.workspace_id,
        approval_id=activation.approval_id,
        artifact_id=activation.artifact_id,
        artifact_hash=activation.artifact_hash,
        reason=activation.reason,
        opened_by=activation.opened_by,
        confirmed_by=_known(activation.confirmed_by),
        key_id=_known(activation.confirmer_key_id),
        envelope=_known(activation.confirmer_envelope),
        ends_at=_known(activation.ends_at),
    )
