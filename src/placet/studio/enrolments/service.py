"""Asking to be enrolled, confirming that, and taking the right back."""

from uuid import UUID

from msgspec.structs import asdict

from placet.authority import service as authority
from placet.authority import store as people
from placet.authority.model import EnrolKey
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence import dsse
from placet.evidence.ed25519 import PublicKey
from placet.evidence.enrolment import ENROLMENT_VOTE_TYPE, EnrolmentVote, verify_enrolment_vote
from placet.evidence.vote import VoteDecision
from placet.kernel.ids import ActorId, Ids
from placet.kernel.value import Value
from placet.storage.database import Reading, Writing
from placet.studio.enrolments import rules, store
from placet.studio.enrolments.model import (
    CHALLENGE_BYTES,
    CHALLENGE_LASTS,
    ENROLMENT_LASTS,
    ApproverNotFound,
    ApproverRemoved,
    AskEnrolment,
    ConfirmationFlaw,
    ConfirmationReason,
    ConfirmationRefused,
    ConfirmEnrolment,
    Enrolment,
    EnrolmentAnswer,
    EnrolmentAsked,
    EnrolmentChallenge,
    EnrolmentClosed,
    EnrolmentConfirmation,
    EnrolmentConfirmed,
    EnrolmentDeclined,
    EnrolmentId,
    EnrolmentStatus,
    RemovalNotAllowed,
    RemoveApprover,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import (
    ApproverRemoval,
    KeyStanding,
    WorkspaceApprover,
    WorkspaceId,
    WorkspaceKey,
)
from placet.tenancy import service as tenancy
from placet.tenancy import store as actors
from placet.tenancy.model import GrantRole, Role


async def issue_challenge(tx: Writing, ids: Ids) -> EnrolmentChallenge:
    """Give whoever `tx` was opened for a challenge to prove over, once and soon."""
    now = await tx.now()
    challenge = EnrolmentChallenge(
        tenant_id=tx.tenant_id,
        challenge_id=ids.new(),
        actor_id=tx.actor_id,
        challenge=ids.token(CHALLENGE_BYTES),
        issued_at=now,
        expires_at=now + CHALLENGE_LASTS,
    )
    await store.insert_challenge(tx, challenge)
    return challenge


async def ask_enrolment(tx: Writing, asked: AskEnrolment, ids: Ids) -> EnrolmentAnswer:
    """Ask that whoever `tx` was opened for may vote in a workspace with a key.

    Refuses `workspace_not_found`, and `enrolment_refused` with its reasons.
    """
    workspace = await workspace_store.get_workspace(tx, asked.workspace_id)
    challenge, now = await store.find_challenge(tx, asked.challenge_id), await tx.now()
    reasons = rules.check_challenge(challenge, tx.actor_id, now)
    if challenge is None or reasons:
        raise authority.refused(tx.actor_id, reasons)
    wanted = EnrolKey(actor_id=tx.actor_id, public_key=asked.public_key, proof=asked.proof)
    key = await authority.check_key(tx, wanted, challenge.challenge)
    keys = await workspaces.read_standings(tx, workspace.workspace_id)
    if known := rules.check_new(keys, key.key_id):
        raise authority.refused(tx.actor_id, known)
    enrolment = Enrolment(
        tenant_id=tx.tenant_id,
        enrolment_id=EnrolmentId(ids.new()),
        workspace_id=workspace.workspace_id,
        environment=workspace.environment,
        actor_id=tx.actor_id,
        challenge_id=challenge.challenge_id,
        challenge=challenge.challenge,
        key_id=key.key_id,
        public_key=key.raw,
        proof=asked.proof,
        asked_at=now,
        expires_at=now + ENROLMENT_LASTS,
    )
    if not await store.insert_enrolment(tx, enrolment):
        raise authority.refused(tx.actor_id, [rules.challenge_used()])
    await _tell(tx, _asked(enrolment), ids)
    return _answer(enrolment, None, EnrolmentStatus.PENDING)


async def confirm_enrolment(
    tx: Writing, enrolment_id: UUID, asked: ConfirmEnrolment, ids: Ids
) -> EnrolmentAnswer:
    """Decide an enrolment by the signed word of whoever `tx` was opened for.

    Refuses `enrolment_not_found`, `enrolment_closed`, `confirmation_refused` with everything that
    stands against it, and `enrolment_refused` when the key was taken or revoked meanwhile.
    """
    enrolment = await store.get_enrolment(tx, enrolment_id)
    await workspaces.hold_standings(tx, enrolment.workspace_id)
    status = await _status(tx, enrolment)
    if status is not EnrolmentStatus.PENDING:
        raise _closed(status)
    vote = await _signed(tx, enrolment, asked)
    confirmation = await _confirmation(tx, enrolment, vote, asked)
    if not await store.insert_confirmation(tx, confirmation):
        raise _closed(await _status(tx, enrolment))
    if confirmation.counts_from is None:
        await _tell(tx, _declined(enrolment, confirmation), ids)
    else:
        await _let_in(tx, enrolment, confirmation, ids)
        await _tell(tx, _confirmed(enrolment, confirmation), ids)
    return _answer(
        enrolment, confirmation, rules.status_at(enrolment, confirmation, await tx.now())
    )


async def show_enrolments(tx: Reading, enrolments: list[Enrolment]) -> list[EnrolmentAnswer]:
    """Return enrolments as they count now, with what is to be signed."""
    decided = await store.list_confirmations(tx, [each.enrolment_id for each in enrolments])
    now = await tx.now()
    answers = []
    for enrolment in enrolments:
        confirmation = decided.get(enrolment.enrolment_id)
        status = rules.status_at(enrolment, confirmation, now)
        answers.append(_answer(enrolment, confirmation, status))
    return answers


async def remove_approver(  # noqa: PLR0913 -- who, from where, why, and by what right
    tx: Writing,
    workspace_id: UUID,
    actor_id: ActorId,
    asked: RemoveApprover,
    ids: Ids,
    *,
    is_admin: bool,
) -> ApproverRemoval:
    """End every key that an approver has in a workspace; no vote by them is counted after this.

    `is_admin` tells whether the caller may remove another. Refuses `workspace_not_found`,
    `approver_not_found` and `removal_not_allowed`.
    """
    workspace = await workspace_store.get_workspace(tx, workspace_id)
    await people.hold_keys_alone(tx)
    keys = await workspaces.read_standings(tx, workspace_id)
    if not any(
        key.actor_id == actor_id and standing is not KeyStanding.REMOVED
        for key, standing in keys.values()
    ):
        raise ApproverNotFound(detail="this workspace has no approver with this id")
    if not is_admin and actor_id != tx.actor_id:
        raise RemovalNotAllowed(detail="the approver is another person")
    removal = ApproverRemoval(
        tenant_id=tx.tenant_id,
        removal_id=ids.new(),
        workspace_id=workspace.workspace_id,
        actor_id=actor_id,
        reason=asked.reason,
        removed_by=tx.actor_id,
        removed_at=await tx.now(),
    )
    await workspace_store.insert_removal(tx, removal)
    said = ApproverRemoved(
        workspace_id=workspace.workspace_id, actor_id=actor_id, reason=asked.reason
    )
    await _tell(tx, said, ids)
    return removal


async def _status(tx: Reading, enrolment: Enrolment) -> EnrolmentStatus:
    decided = await store.list_confirmations(tx, [enrolment.enrolment_id])
    return rules.status_at(enrolment, decided.get(enrolment.enrolment_id), await tx.now())


async def _signed(tx: Writing, enrolment: Enrolment, asked: ConfirmEnrolment) -> EnrolmentVote:
    """Return the signed word if nothing stands against it."""
    keys = await workspaces.read_standings(tx, enrolment.workspace_id)
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


async def _confirmation(
    tx: Writing, enrolment: Enrolment, vote: EnrolmentVote, asked: ConfirmEnrolment
) -> EnrolmentConfirmation:
    workspace = await workspace_store.get_workspace(tx, enrolment.workspace_id)
    now = await tx.now()
    is_good = vote.decision is VoteDecision.APPROVE
    return EnrolmentConfirmation(
        tenant_id=tx.tenant_id,
        enrolment_id=enrolment.enrolment_id,
        decision=vote.decision,
        confirmed_by=tx.actor_id,
        key_id=vote.key_id,
        envelope=dsse.encode_envelope(dsse.parse_envelope(bytes(asked.envelope))),
        confirmed_at=now,
        counts_from=rules.counts_from(workspace, now) if is_good else None,
    )


async def _let_in(
    tx: Writing, enrolment: Enrolment, confirmation: EnrolmentConfirmation, ids: Ids
) -> None:
    """Enrol the key, make its holder an approver, and let the key in to the workspace."""
    confirmed_by = [confirmation.confirmed_by]
    actor_id, workspace_id = enrolment.actor_id, enrolment.workspace_id
    wanted = EnrolKey(actor_id=actor_id, public_key=enrolment.public_key, proof=enrolment.proof)
    await authority.check_key(tx, wanted, enrolment.challenge)
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
    )
    if not await workspace_store.insert_key(tx, let_in):
        keys = await workspaces.read_standings(tx, workspace_id)
        raise authority.refused(actor_id, rules.check_new(keys, enrolment.key_id))
    if not await _has_role(tx, actor_id, workspace_id):
        grant = GrantRole(actor_id=actor_id, role=Role.APPROVER, workspace_id=workspace_id)
        await tenancy.grant_role(tx, grant, ids)


async def _has_role(tx: Reading, actor_id: ActorId, workspace_id: WorkspaceId) -> bool:
    grants = await actors.list_grants(tx, actor_id)
    return any(
        grant.role is Role.APPROVER and grant.workspace_id in {None, workspace_id}
        for grant in grants
    )


def _closed(status: EnrolmentStatus) -> EnrolmentClosed:
    return EnrolmentClosed(detail=f"the enrolment is `{status}`", enrolment_status=status)


def _answer(
    enrolment: Enrolment, confirmation: EnrolmentConfirmation | None, status: EnrolmentStatus
) -> EnrolmentAnswer:
    return EnrolmentAnswer(
        enrolment_id=enrolment.enrolment_id,
        workspace_id=enrolment.workspace_id,
        actor_id=enrolment.actor_id,
        key_id=enrolment.key_id,
        status=status,
        proof=enrolment.proof,
        asked_at=enrolment.asked_at,
        expires_at=enrolment.expires_at,
        confirmed_by=confirmation.confirmed_by if confirmation else None,
        counts_from=confirmation.counts_from if confirmation else None,
        vote_type=ENROLMENT_VOTE_TYPE,
        vote_fields=rules.fields_to_sign(enrolment),
    )


def _asked(enrolment: Enrolment) -> EnrolmentAsked:
    told = asdict(enrolment) | {"challenge": enrolment.challenge.hex()}
    return EnrolmentAsked(**{name: told[name] for name in EnrolmentAsked.__struct_fields__})


def _confirmed(enrolment: Enrolment, confirmation: EnrolmentConfirmation) -> EnrolmentConfirmed:
    return EnrolmentConfirmed(
        enrolment_id=enrolment.enrolment_id,
        workspace_id=enrolment.workspace_id,
        actor_id=enrolment.actor_id,
        key_id=enrolment.key_id,
        confirmed_by=confirmation.confirmed_by,
        envelope=confirmation.envelope,
        counts_from=confirmation.counts_from or confirmation.confirmed_at,
    )


def _declined(enrolment: Enrolment, confirmation: EnrolmentConfirmation) -> EnrolmentDeclined:
    return EnrolmentDeclined(
        enrolment_id=enrolment.enrolment_id,
        workspace_id=enrolment.workspace_id,
        actor_id=enrolment.actor_id,
        key_id=enrolment.key_id,
        declined_by=confirmation.confirmed_by,
        envelope=confirmation.envelope,
    )


async def _tell(tx: Writing, said: Value, ids: Ids) -> None:
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])
