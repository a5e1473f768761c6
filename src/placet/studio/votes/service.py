"""Taking a signed vote, and granting with the one that meets the quorum."""

from uuid import UUID

from placet.authority import store as authority
from placet.authority.checkpoints import service as checkpoints
from placet.authority.model import PersonKey
from placet.authority.server_keys import ServerKeys
from placet.events import store as events
from placet.events.model import StreamKind, new_event, tenant_stream
from placet.evidence import vote as evidence
from placet.evidence.dsse import Envelope, EnvelopeRefused, encode_envelope, parse_envelope
from placet.evidence.vote import VoteDecision
from placet.kernel.ids import ActorId, Ids
from placet.kernel.value import Value
from placet.storage.database import Reading, Writing
from placet.studio.approvals import rules as approval_rules
from placet.studio.approvals import service as approvals
from placet.studio.approvals.model import (
    ApprovalProof,
    ApprovalReason,
    FirstProof,
    GrantApproval,
    Granted,
    GroupProof,
    VoterProof,
)
from placet.studio.drafts import service as draft_service
from placet.studio.drafts import store as drafts
from placet.studio.requests import service as request_service
from placet.studio.requests import store as requests
from placet.studio.requests.model import ApprovalRequest, RequestStatus
from placet.studio.snapshots import store as snapshots
from placet.studio.votes import rules, store
from placet.studio.votes.model import (
    ApprovalVote,
    Ballot,
    CastVote,
    CountedVote,
    VoteAnswer,
    VoteCast,
    VoteList,
)
from placet.studio.workspaces import service as workspaces
from placet.studio.workspaces import store as workspace_store
from placet.studio.workspaces.model import GroupMember
from placet.studio.workspaces.rules import approvers_of, confirmers_of, groups_of, names_of
from placet.tenancy import store as tenancy
from placet.tenancy.model import Role


async def cast_vote(  # noqa: PLR0913, PLR0917 -- what is voted, and what an approval is signed with
    tx: Writing,
    request_id: UUID,
    asked: CastVote,
    keys: ServerKeys,
    ids: Ids,
    before: approvals.SignedBefore | None = None,
) -> VoteAnswer:
    """Count a signed vote of whoever `tx` was opened for; the one that meets the quorum grants.

    Refuses `request_not_found`, and `approval_refused` with everything that stands against it.
    Raises `SignatureWanted` where a command has to sign first: bring what it signed `before`.
    """
    seen = await requests.get_request(tx, request_id)
    prepared = await approvals.prepare(await snapshots.get_snapshot(tx, seen.snapshot_id))
    request = await requests.lock_request(tx, request_id)
    await workspaces.hold_standings(tx, request.workspace_id)
    ballot = await ballot_of(tx, request)
    signed, reasons = await _signed(tx, asked, ballot)
    decision = signed.decision if signed else VoteDecision.APPROVE
    reasons += rules.check_ballot(ballot, decision, signed.key_id if signed else "")
    if signed is None or reasons:
        raise approval_rules.refused(reasons)
    vote = _vote(signed, asked, ballot, ids)
    await store.insert_vote(tx, vote)
    tally = rules.tally_of(ballot, _approving(ballot, vote))
    status = rules.decide_outcome(tally, decision)
    if status is not RequestStatus.OPEN:
        await requests.advance_request(tx, request, status)
    said: list[Value] = []
    granted: Granted | None = None
    if status is RequestStatus.GRANTED:
        granted, said = await approvals.grant_approval(
            tx, await _to_grant(tx, ballot, vote), prepared, keys, ids, before
        )
        await workspaces.join_groups(tx, _brought(ballot, granted), ids)
    if status is RequestStatus.REFUSED:
        said.append(request_service.close_of(request, status))
    await _tell_authority(tx, vote, ballot, ids)
    if said:
        await workspaces.tell(tx, request.workspace_id, said, ids)
    return VoteAnswer(
        vote_id=vote.vote_id,
        request_id=request.request_id,
        status=status,
        approvals=tally.approvals,
        quorum=tally.quorum,
        groups=tally.groups,
        approval_id=granted.approval.approval_id if granted else None,
        compiled_hash=granted.compiled_hash if granted else None,
    )


def _approving(ballot: Ballot, vote: ApprovalVote) -> dict[str, ActorId]:
    """Return the keys of all approvals that count, with this vote; a refusal leaves none."""
    if vote.decision is VoteDecision.REFUSE:
        return {}
    return rules.approving_keys(ballot, vote.key_id)


async def show_votes(tx: Reading, request_id: UUID) -> VoteList:
    """Return the votes on a request, and what they come to. Refuses `request_not_found`."""
    ballot = await ballot_of(tx, await requests.get_request(tx, request_id))
    approving = {vote.key_id: vote.voter_id for vote in rules.approvals_of(ballot)}
    return VoteList(
        tally=rules.tally_of(ballot, approving),
        votes=[
            CountedVote(
                voter_id=vote.voter_id,
                key_id=vote.key_id,
                decision=vote.decision,
                reason=vote.reason,
                voted_at=vote.voted_at,
                signed_in=vote.signed_in,
            )
            for vote in ballot.votes
        ],
    )


async def ballot_of(tx: Reading, request: ApprovalRequest) -> Ballot:
    """Return what a vote of whoever `tx` was opened for is judged by."""
    snapshot = await snapshots.get_snapshot(tx, request.snapshot_id)
    grants = await tenancy.list_grants(tx, tx.actor_id)
    keys = await workspaces.read_standings(tx, request.workspace_id)
    has_role = any(
        grant.role is Role.APPROVER and grant.workspace_id in {None, request.workspace_id}
        for grant in grants
    )
    return Ballot(
        request=request,
        workspace=await workspace_store.get_workspace(tx, request.workspace_id),
        draft=await drafts.get_draft(tx, snapshot.draft_id),
        snapshot=snapshot,
        votes=await store.list_votes(tx, request.request_id),
        keys=keys,
        members=await workspace_store.list_members(tx, request.workspace_id),
        authors=rules.authors_of(request, await draft_service.list_authors(tx, snapshot.draft_id)),
        voter_id=tx.actor_id,
        is_approver=has_role and tx.actor_id in approvers_of(keys),
        now=await tx.now(),
    )


async def _signed(
    tx: Writing, asked: CastVote, ballot: Ballot
) -> tuple[evidence.ApprovalVote | None, list[ApprovalReason]]:
    """Return the vote, verified before it is read, and what it says otherwise than asked."""
    try:
        envelope = parse_envelope(bytes(asked.envelope))
    except EnvelopeRefused as fault:
        return None, [rules.malformed(fault.detail)]
    own = await authority.list_person_keys(tx, [ballot.voter_id])
    named = await authority.find_person_key(tx, envelope.signatures[0].keyid)
    opened = rules.open_vote(envelope, own, named)
    if isinstance(opened, ApprovalReason):
        return None, [opened]
    reasons = rules.check_fields(opened, ballot) + rules.check_key(opened.key_id, ballot)
    if not await checkpoints.is_ours(tx, opened.latest_checkpoint):
        reasons.append(rules.checkpoint_unknown())
    return opened, reasons


def _vote(signed: evidence.ApprovalVote, asked: CastVote, ballot: Ballot, ids: Ids) -> ApprovalVote:
    return ApprovalVote(
        tenant_id=ballot.request.tenant_id,
        request_id=ballot.request.request_id,
        voter_id=ballot.voter_id,
        vote_id=ids.new(),
        decision=signed.decision,
        key_id=signed.key_id,
        envelope=encode_envelope(parse_envelope(bytes(asked.envelope))),
        reason=asked.reason,
        voted_at=ballot.now,
        signed_in=asked.signed_in,
    )


async def _to_grant(tx: Writing, ballot: Ballot, vote: ApprovalVote) -> GrantApproval:
    counted = [*rules.approvals_of(ballot), vote]
    approvers = [cast.voter_id for cast in counted]
    request, snapshot, workspace = ballot.request, ballot.snapshot, ballot.workspace
    proof = ApprovalProof(
        tenant_id=request.tenant_id,
        workspace_id=request.workspace_id,
        environment=request.environment,
        request_id=request.request_id,
        snapshot_id=snapshot.snapshot_id,
        snapshot_hash=snapshot.snapshot_hash,
        view_hash=request.view_hash,
        artifact_hash=request.artifact_hash,
        approval_policy=workspace.approval_policy,
        approval_policy_hash=request.approval_policy_hash,
        policy_change=request.policy_change,
        votes=[_envelope(cast) for cast in counted],
        voters=await _voters(tx, ballot, counted),
    )
    return GrantApproval(
        purpose=request.purpose,
        snapshot_id=snapshot.snapshot_id,
        artifact_hash=request.artifact_hash,
        approval_policy=workspace.approval_policy,
        policy_change=request.policy_change,
        approved_by=approvers,
        proof=proof,
    )


async def _voters(tx: Writing, ballot: Ballot, counted: list[ApprovalVote]) -> list[VoterProof]:
    enrolled = await authority.list_person_keys(tx, [vote.voter_id for vote in counted])
    keys: dict[str, PersonKey] = {key.key_id: key for key in enrolled}
    removals = await workspace_store.list_removals(tx, ballot.request.workspace_id)
    let_in = [key for key, _ in ballot.keys.values()]
    return [
        VoterProof(
            actor_id=vote.voter_id,
            key_id=vote.key_id,
            public_key=keys[vote.key_id].public_key,
            proof=ballot.keys[vote.key_id][0].proof,
            key_confirmed_by=ballot.keys[vote.key_id][0].confirmed_by,
            approver_confirmed_by=confirmers_of(vote.voter_id, let_in, removals),
            groups=_groups(ballot, vote.key_id),
            first=_first(ballot, vote.key_id),
        )
        for vote in counted
    ]


def _first(ballot: Ballot, key_id: str) -> FirstProof | None:
    """Return what the proof of a key that came with the workspace is over, None for a later one."""
    if ballot.keys[key_id][0].confirmed_by:
        return None
    own = [each for each in ballot.members if each.key_id == key_id and not each.confirmed_by]
    return FirstProof(
        groups=sorted(each.group_name for each in own), succeeds=ballot.workspace.succeeds
    )


def _groups(ballot: Ballot, key_id: str) -> list[GroupProof]:
    """Return for which groups of the policy a key counted, and who confirmed that."""
    policy = ballot.workspace.approval_policy
    counted = groups_of(ballot.members, key_id, ballot.now) & names_of(policy)
    return [
        GroupProof(name=member.group_name, confirmed_by=member.confirmed_by)
        for member in ballot.members
        if member.key_id == key_id and member.group_name in counted
    ]


def _brought(ballot: Ballot, granted: Granted) -> list[GroupMember]:
    """Return who is in the groups that an approval adds: those who approved confirmed it."""
    change = ballot.request.policy_change
    approval = granted.approval
    return [
        GroupMember(
            tenant_id=approval.tenant_id,
            workspace_id=approval.workspace_id,
            group_name=entry.group,
            key_id=entry.key_id,
            actor_id=ballot.keys[entry.key_id][0].actor_id,
            confirmed_by=approval.approved_by,
            since=approval.approved_at,
            counts_from=approval.approved_at,
        )
        for entry in (change.first_members if change else [])
    ]


async def _tell_authority(tx: Writing, vote: ApprovalVote, ballot: Ballot, ids: Ids) -> None:
    said = VoteCast(
        vote_id=vote.vote_id,
        workspace_id=ballot.request.workspace_id,
        request_id=vote.request_id,
        voter_id=vote.voter_id,
        key_id=vote.key_id,
        decision=vote.decision,
        envelope=vote.envelope,
        reason=vote.reason,
        signed_in=vote.signed_in,
    )
    stream = tenant_stream(tx.tenant_id, StreamKind.AUTHORITY)
    await events.append(tx, stream, StreamKind.AUTHORITY, [new_event(ids, said)])


def _envelope(vote: ApprovalVote) -> Envelope:
    return parse_envelope(vote.envelope)
