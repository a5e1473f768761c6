"""What stands against a vote, and what the votes come to."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import asdict

from placet.authority.model import PersonKey
from placet.evidence import vote as evidence
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey
from placet.evidence.vote import VoteDecision
from placet.kernel.ids import ActorId
from placet.studio.approvals.model import ApprovalFlaw, ApprovalReason
from placet.studio.approvals.rules import check_approvable
from placet.studio.requests.model import ApprovalRequest, RequestStatus
from placet.studio.requests.rules import fields_to_sign, hash_policy, status_at
from placet.studio.votes.model import ApprovalVote, Ballot, GroupTally, Tally
from placet.studio.workspaces.model import KeyStanding
from placet.studio.workspaces.rules import check_change, groups_of, roll_of


def open_vote(
    envelope: Envelope, own: Sequence[PersonKey], named: PersonKey | None
) -> evidence.ApprovalVote | ApprovalReason:
    """Return the vote if one of the voter's own keys signed it, else why it is none.

    `named` is the key that the envelope hints at, whoever's it is; it only helps to say why.
    """
    try:
        return evidence.verify_vote(envelope, [PublicKey(raw=key.public_key) for key in own])
    except EnvelopeRefused as fault:
        if fault.flaw is EnvelopeFlaw.PAYLOAD:
            return _reason(ApprovalFlaw.SIGNED_OTHERWISE, fault.detail)
        if named is None:
            return _reason(
                ApprovalFlaw.KEY_UNKNOWN, "the key that signed is not enrolled in this tenant"
            )
        if named.key_id not in {key.key_id for key in own}:
            return _reason(ApprovalFlaw.KEY_OF_ANOTHER, "the key is enrolled for another person")
        return _reason(ApprovalFlaw.SIGNATURE_INVALID, fault.detail)


def check_fields(vote: evidence.ApprovalVote, ballot: Ballot) -> list[ApprovalReason]:
    """Return what a signed vote says otherwise than the request and its voter.

    Which checkpoint it names is for the caller to look up: another may be newer by now.
    """
    expected = asdict(fields_to_sign(ballot.request, ballot.snapshot, vote.latest_checkpoint))
    expected["voter_id"] = ballot.voter_id
    wrong = [name for name, value in expected.items() if getattr(vote, name) != value]
    if not wrong:
        return []
    return [
        _reason(
            ApprovalFlaw.SIGNED_OTHERWISE,
            "the signed vote differs from what is asked for in: " + ", ".join(wrong),
        )
    ]


def checkpoint_unknown() -> ApprovalReason:
    """Return that a vote names a checkpoint which nobody signed."""
    return _reason(
        ApprovalFlaw.SIGNED_OTHERWISE,
        "the signed vote differs from what is asked for in: latest_checkpoint",
    )


def check_key(key_id: str, ballot: Ballot) -> list[ApprovalReason]:
    """Return why one of the voter's own keys does not count in this workspace now.

    Only one that counts has no reason.
    """
    if key_id not in ballot.keys:
        if not ballot.is_approver:
            return []
        return [
            _reason(
                ApprovalFlaw.KEY_NOT_CONFIRMED, "no approver of this workspace confirmed the key"
            )
        ]
    key, standing = ballot.keys[key_id]
    match standing:
        case KeyStanding.COUNTS:
            return []
        case KeyStanding.REVOKED:
            return [_reason(ApprovalFlaw.KEY_REVOKED, "the key was revoked")]
        case KeyStanding.DISABLED:
            return [_reason(ApprovalFlaw.VOTER_DISABLED, "the voter is disabled")]
        case KeyStanding.NOT_YET:
            return [_reason(ApprovalFlaw.KEY_NOT_YET, f"the key counts from {key.counts_from}")]
        case KeyStanding.REMOVED:
            detail = "the key ended with an earlier membership"
            return [_reason(ApprovalFlaw.KEY_NOT_CONFIRMED, detail)]


def check_ballot(ballot: Ballot, decision: VoteDecision, key_id: str) -> list[ApprovalReason]:
    """Return what stands against this voter deciding this with this key on this request now."""
    reasons = []
    status = status_at(ballot.request, ballot.now)
    if status is RequestStatus.EXPIRED:
        reasons.append(_reason(ApprovalFlaw.REQUEST_EXPIRED, "the deadline has passed"))
    elif status is not RequestStatus.OPEN:
        reasons.append(_reason(ApprovalFlaw.REQUEST_CLOSED, f"the request is `{status}`"))
    if not ballot.is_approver:
        reasons.append(
            _reason(ApprovalFlaw.NOT_AN_APPROVER, "the voter is no approver of this workspace")
        )
    if any(vote.voter_id == ballot.voter_id for vote in ballot.votes):
        reasons.append(_reason(ApprovalFlaw.VOTED_ALREADY, "the voter has voted on this request"))
    if decision is VoteDecision.REFUSE:
        return reasons
    reasons += check_approvable(ballot.workspace, ballot.draft, ballot.snapshot)
    reasons += check_policy(ballot)
    if is_author_alone(ballot, key_id):
        reasons.append(
            _reason(
                ApprovalFlaw.AUTHOR_ALONE,
                "with four eyes, somebody who did not write the draft must approve too",
            )
        )
    return reasons


def approvals_of(ballot: Ballot) -> list[ApprovalVote]:
    """Return the earlier votes that approve and still count.

    A vote counts no more once its key is revoked, or its voter disabled or no more an approver.
    """
    return [
        vote
        for vote in ballot.votes
        if vote.decision is VoteDecision.APPROVE
        and vote.key_id in ballot.keys
        and ballot.keys[vote.key_id][1] is KeyStanding.COUNTS
    ]


def check_policy(ballot: Ballot) -> list[ApprovalReason]:
    """Return why the policy that the request froze, or the one it brings, can hold no more."""
    policy, change = ballot.workspace.approval_policy, ballot.request.policy_change
    if hash_policy(policy) != ballot.request.approval_policy_hash:
        detail = "the workspace's approval policy is another one than when approval was asked for"
        return [_reason(ApprovalFlaw.POLICY_MOVED, detail)]
    if change is None:
        return []
    after, first = change.approval_policy, change.first_members
    roll = roll_of(after, first, ballot.members, ballot.keys, ballot.now)
    return [
        _reason(ApprovalFlaw.NEXT_POLICY_REFUSED, wrong.detail)
        for wrong in check_change(policy, after, first, roll)
    ]


def approving_keys(ballot: Ballot, key_id: str) -> dict[str, ActorId]:
    """Return the keys of all approvals that count, once this voter approves with this key."""
    earlier = {vote.key_id: vote.voter_id for vote in approvals_of(ballot)}
    return earlier | {key_id: ballot.voter_id}


def tally_of(ballot: Ballot, approving: Mapping[str, ActorId]) -> Tally:
    """Return what approvals by these keys of these people come to: people, counted once each."""
    policy = ballot.workspace.approval_policy
    theirs = {key_id: groups_of(ballot.members, key_id, ballot.now) for key_id in approving}
    return Tally(
        approvals=len(set(approving.values())),
        quorum=policy.quorum,
        groups=[
            GroupTally(
                name=group.name,
                approvals=len(
                    {who for key_id, who in approving.items() if group.name in theirs[key_id]}
                ),
                quorum=group.quorum,
            )
            for group in policy.groups
        ],
    )


def is_author_alone(ballot: Ballot, key_id: str) -> bool:
    """Return whether this vote would meet the policy with nobody but authors."""
    approving = approving_keys(ballot, key_id)
    return (
        ballot.workspace.approval_policy.four_eyes
        and tally_of(ballot, approving).is_met
        and ballot.authors.issuperset(approving.values())
    )


def authors_of(request: ApprovalRequest, wrote: Iterable[ActorId]) -> frozenset[ActorId]:
    """Return who wrote what a request asks for: the draft, and the policy that it brings."""
    asked = [] if request.policy_change is None else [request.requested_by]
    return frozenset([*wrote, *asked])


def decide_outcome(tally: Tally, decision: VoteDecision) -> RequestStatus:
    """Return what a vote that nothing stands against makes of its request."""
    if decision is VoteDecision.REFUSE:
        return RequestStatus.REFUSED
    return RequestStatus.GRANTED if tally.is_met else RequestStatus.OPEN


def malformed(detail: str) -> ApprovalReason:
    """Return the reason that what was handed in is no envelope."""
    return _reason(ApprovalFlaw.ENVELOPE_MALFORMED, detail)


def _reason(code: ApprovalFlaw, detail: str) -> ApprovalReason:
    return ApprovalReason(code=code, detail=detail)
