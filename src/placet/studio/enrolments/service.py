"""Asking to be enrolled, and taking the right to vote back."""

from uuid import UUID

from placet.authority import service as authority
from placet.authority import store as people
from placet.authority.checkpoints import service as checkpoints
from placet.authority.controls import store as controls
from placet.authority.model import EnrolKey, ProofWanted
from placet.events.model import StreamKind, tenant_stream
from placet.kernel.ids import ActorId, Ids
from placet.storage.database import Reading, Writing
from placet.studio.enrolments import rules, store, telling
from placet.studio.enrolments.model import (
    CHALLENGE_BYTES,
    CHALLENGE_LASTS,
    ENROLMENT_LASTS,
    ApproverNotFound,
    ApproverRemoved,
    AskEnrolment,
    Enrolment,
    EnrolmentAnswer,
    EnrolmentChallenge,
    EnrolmentId,
    EnrolmentStatus,
    RemovalNotAllowed,
    RemoveApprover,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import ApproverRemoval
from placet.studio.workspaces.rules import approvers_of


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

    Refuses `workspace_not_found`, `workspace_not_active`, and `enrolment_refused` with its reasons.
    """
    workspace = await workspace_store.get_workspace(tx, asked.workspace_id)
    challenge, now = await store.find_challenge(tx, asked.challenge_id), await tx.now()
    reasons = rules.check_challenge(challenge, tx.actor_id, now)
    if challenge is None or reasons:
        raise authority.refused(tx.actor_id, reasons)
    wanted = EnrolKey(actor_id=tx.actor_id, public_key=asked.public_key, proof=asked.proof)
    over = ProofWanted(challenge=challenge.challenge)
    key = await authority.check_key(tx, wanted, over)
    await workspace_store.hold_active(tx, workspace.workspace_id)
    keys = await workspaces.read_standings(tx, workspace.workspace_id)
    members = await workspace_store.list_members(tx, workspace.workspace_id)
    wrong = rules.check_groups(workspace, asked.groups)
    if wrong := wrong + rules.check_new(keys, members, key.key_id, asked.groups):
        raise authority.refused(tx.actor_id, wrong)
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
        groups=sorted(set(asked.groups)),
        asked_at=now,
        expires_at=now + ENROLMENT_LASTS,
    )
    if not await store.insert_enrolment(tx, enrolment):
        raise authority.refused(tx.actor_id, [rules.challenge_used()])
    await telling.tell(tx, telling.asked(enrolment), ids)
    latest = await checkpoints.to_be_seen(tx)
    return telling.answer(enrolment, [], EnrolmentStatus.PENDING, latest)


async def show_enrolments(tx: Reading, enrolments: list[Enrolment]) -> list[EnrolmentAnswer]:
    """Return enrolments as they count now, with what is to be signed."""
    decided = await store.list_confirmations(tx, [each.enrolment_id for each in enrolments])
    now, latest = await tx.now(), await checkpoints.to_be_seen(tx)
    answers = []
    for enrolment in enrolments:
        said = decided[enrolment.enrolment_id]
        status = rules.status_at(enrolment, said, now)
        answers.append(telling.answer(enrolment, said, status, latest))
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
    if actor_id not in approvers_of(keys):
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
    # Race: a standing grant of theirs may be answering a call; whoever passes the gate later sees
    # the removal.
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await controls.raise_epoch(tx, stream, StreamKind.AUTHORITY)
    await telling.tell(tx, said, ids)
    return removal
