"""An approver's word on an enrolment, and letting in whoever has all that it takes."""

from uuid import UUID

from msgspec.structs import replace

from placet.authority import service as authority
from placet.authority import store as people
from placet.authority.checkpoints import service as checkpoints
from placet.authority.model import EnrolKey, ProofWanted
from placet.evidence import dsse
from placet.evidence.ed25519 import PublicKey
from placet.evidence.enrolment import EnrolmentVote, verify_enrolment_vote
from placet.evidence.vote import VoteDecision
from placet.kernel.ids import ActorId, Ids
from placet.storage.database import Reading, Writing
from placet.studio.enrolments import rules, store, telling
from placet.studio.enrolments.model import (
    ConfirmationFlaw,
    ConfirmationReason,
    ConfirmationRefused,
    ConfirmEnrolment,
    Enrolment,
    EnrolmentAnswer,
    EnrolmentClosed,
    EnrolmentConfirmation,
    EnrolmentStatus,
    Panel,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import (
    GroupMember,
    WorkspaceApprover,
    WorkspaceId,
    WorkspaceKey,
)
from placet.tenancy import service as tenancy
from placet.tenancy import store as actors
from placet.tenancy.model import GrantRole, Role


async def confirm_enrolment(
    tx: Writing, enrolment_id: UUID, asked: ConfirmEnrolment, ids: Ids
) -> EnrolmentAnswer:
    """Take the signed word of whoever `tx` was opened for on an enrolment.

    A refusal decides it, and so does the word after which each group that is asked for has the word
    of a member. Refuses `enrolment_not_found`, `enrolment_closed`, `workspace_not_active`,
    `confirmation_refused` with everything that stands against it, and `enrolment_refused` when the
    key was taken or revoked meanwhile.
    """
    enrolment = await store.get_enrolment(tx, enrolment_id)
    await store.hold_enrolment(tx, enrolment_id)
    await workspaces.hold_standings(tx, enrolment.workspace_id)
    await workspace_store.hold_active(tx, enrolment.workspace_id)
    panel = await _panel(tx, enrolment)
    status = rules.status_at(enrolment, panel.said, panel.now)
    if status is not EnrolmentStatus.PENDING:
        raise _closed(status)
    vote = await _signed(tx, panel, asked)
    confirmation = _confirmation(panel, vote, asked)
    await store.insert_confirmation(tx, confirmation)
    said = [*panel.said, confirmation]
    if confirmation.decision is VoteDecision.REFUSE:
        await telling.tell(tx, telling.declined(enrolment, confirmation), ids)
    elif confirmation.counts_from is None:
        await telling.tell(tx, telling.seconded(enrolment, confirmation), ids)
    else:
        await _let_in(tx, panel, said, ids)
        await telling.tell(tx, telling.confirmed(enrolment, confirmation), ids)
    latest = await checkpoints.to_be_seen(tx)
    return telling.answer(enrolment, said, rules.status_at(enrolment, said, panel.now), latest)


async def _panel(tx: Reading, enrolment: Enrolment) -> Panel:
    workspace_id = enrolment.workspace_id
    decided = await store.list_confirmations(tx, [enrolment.enrolment_id])
    return Panel(
        enrolment=enrolment,
        workspace=await workspace_store.get_workspace(tx, workspace_id),
        said=decided[enrolment.enrolment_id],
        keys=await workspaces.read_standings(tx, workspace_id),
        members=await workspace_store.list_members(tx, workspace_id),
        now=await tx.now(),
    )


async def _signed(tx: Writing, panel: Panel, asked: ConfirmEnrolment) -> EnrolmentVote:
    """Return the signed word if nothing stands against it."""
    enrolment, keys = panel.enrolment, panel.keys
    has_role = await _has_role(tx, tx.actor_id, enrolment.workspace_id)
    reasons = rules.check_voter(enrolment, keys, tx.actor_id, has_role=has_role)
    own = await people.list_person_keys(tx, [tx.actor_id])
    vote = None
    try:
        envelope = dsse.parse_envelope(bytes(asked.envelope))
        vote = verify_enrolment_vote(envelope, [PublicKey(raw=key.public_key) for key in own])
    except dsse.EnvelopeRefused as fault:
        reasons.append(_flaw_of(fault))
    else:
        reasons += rules.check_fields(vote, enrolment, tx.actor_id)
        reasons += rules.check_key(keys, vote.key_id)
        reasons += rules.check_confirmer(panel, vote)
        if not await checkpoints.is_ours(tx, vote.latest_checkpoint):
            reasons.append(rules.checkpoint_unknown())
    if vote is None or reasons:
        raise ConfirmationRefused(
            detail="; ".join(reason.detail for reason in reasons), reasons=reasons
        )
    return vote


def _flaw_of(fault: dsse.EnvelopeRefused) -> ConfirmationReason:
    codes = {
        dsse.EnvelopeFlaw.MALFORMED: ConfirmationFlaw.ENVELOPE_MALFORMED,
        dsse.EnvelopeFlaw.PAYLOAD: ConfirmationFlaw.SIGNED_OTHERWISE,
    }
    return rules.reason(codes.get(fault.flaw, ConfirmationFlaw.SIGNATURE_INVALID), fault.detail)


def _confirmation(
    panel: Panel, vote: EnrolmentVote, asked: ConfirmEnrolment
) -> EnrolmentConfirmation:
    """Return the word as a row; it counts from some time on if it is the last that was missing."""
    enrolment = panel.enrolment
    is_good = vote.decision is VoteDecision.APPROVE
    word = EnrolmentConfirmation(
        tenant_id=enrolment.tenant_id,
        enrolment_id=enrolment.enrolment_id,
        decision=vote.decision,
        confirmed_by=ActorId(vote.voter_id),
        key_id=vote.key_id,
        envelope=dsse.encode_envelope(dsse.parse_envelope(bytes(asked.envelope))),
        groups=rules.seconded(panel, vote.key_id) if is_good else [],
        confirmed_at=panel.now,
        counts_from=None,
    )
    if not is_good or not all(rules.seconders(panel, [*panel.said, word]).values()):
        return word
    return replace(word, counts_from=rules.counts_from(panel.workspace, panel.now))


async def _let_in(tx: Writing, panel: Panel, said: list[EnrolmentConfirmation], ids: Ids) -> None:
    """Enrol the key, make its holder an approver, and let the key in to workspace and groups."""
    enrolment, confirmation = panel.enrolment, said[-1]
    by_group = rules.seconders(panel, said)
    signed = [who for group in by_group.values() for who in group]
    confirmed_by = sorted({*signed, confirmation.confirmed_by})
    actor_id, workspace_id = enrolment.actor_id, enrolment.workspace_id
    wanted = EnrolKey(actor_id=actor_id, public_key=enrolment.public_key, proof=enrolment.proof)
    await authority.check_key(tx, wanted, ProofWanted(challenge=enrolment.challenge))
    await authority.enrol_key(tx, wanted, confirmed_by, ids)
    since = confirmation.confirmed_at
    await workspace_store.insert_approver(
        tx,
        WorkspaceApprover(
            tenant_id=tx.tenant_id,
            workspace_id=workspace_id,
            actor_id=actor_id,
            confirmed_by=confirmed_by,
            since=since,
        ),
    )
    let_in = WorkspaceKey(
        tenant_id=tx.tenant_id,
        workspace_id=workspace_id,
        actor_id=actor_id,
        key_id=enrolment.key_id,
        confirmed_by=confirmed_by,
        since=since,
        counts_from=confirmation.counts_from or since,
        proof=enrolment.proof,
    )
    wrong = rules.check_new(panel.keys, panel.members, enrolment.key_id, enrolment.groups)
    if not wrong and not await workspace_store.insert_key(tx, let_in):
        keys = await workspaces.read_standings(tx, workspace_id)
        wrong = rules.check_new(keys, panel.members, enrolment.key_id, enrolment.groups)
    if wrong:
        raise authority.refused(actor_id, wrong)
    await workspaces.join_groups(tx, _members(enrolment, let_in, by_group), ids)
    if not await _has_role(tx, actor_id, workspace_id):
        grant = GrantRole(actor_id=actor_id, role=Role.APPROVER, workspace_id=workspace_id)
        await tenancy.grant_role(tx, grant, ids)


def _members(
    enrolment: Enrolment, let_in: WorkspaceKey, by_group: dict[str, list[ActorId]]
) -> list[GroupMember]:
    return [
        GroupMember(
            tenant_id=enrolment.tenant_id,
            workspace_id=enrolment.workspace_id,
            group_name=name,
            key_id=enrolment.key_id,
            actor_id=enrolment.actor_id,
            confirmed_by=confirmed_by,
            since=let_in.since,
            counts_from=let_in.counts_from,
        )
        for name, confirmed_by in by_group.items()
    ]


async def _has_role(tx: Reading, actor_id: ActorId, workspace_id: WorkspaceId) -> bool:
    grants = await actors.list_grants(tx, actor_id)
    return any(
        grant.role is Role.APPROVER and grant.workspace_id in {None, workspace_id}
        for grant in grants
    )


def _closed(status: EnrolmentStatus) -> EnrolmentClosed:
    return EnrolmentClosed(detail=f"the enrolment is `{status}`", enrolment_status=status)
