"""What stands against a vote, and what the votes come to."""

from collections.abc import Sequence

from msgspec.structs import asdict

from placet.authority.model import PersonKey
from placet.evidence import vote as evidence
from placet.evidence.dsse import Envelope, EnvelopeFlaw, EnvelopeRefused
from placet.evidence.ed25519 import PublicKey
from placet.evidence.vote import VoteDecision
from placet.kernel.ids import ActorId
from placet.studio.approvals.model import ApprovalFlaw, ApprovalReason
from placet.studio.approvals.rules import check_approvable
from placet.studio.requests.model import RequestStatus
from placet.studio.requests.rules import fields_to_sign, status_at
from placet.studio.votes.model import ApprovalVote, Ballot
from placet.studio.workspaces.model import KeyStanding


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
    """Return what a signed vote says otherwise than the request and its voter."""
    expected = asdict(fields_to_sign(ballot.request, ballot.snapshot))
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


def check_key(key_id: str, ballot: Ballot) -> list[ApprovalReason]:
    """Return why one of the voter's own keys does not count in this workspace now."""
    if key_id not in ballot.keys:
        if not ballot.is_approver:
            return []
        return [
            _reason(
                ApprovalFlaw.KEY_NOT_CONFIRMED, "no approver of this workspace confirmed the key"
            )
        ]
    key, standing = ballot.keys[key_id]
    if standing is KeyStanding.REVOKED:
        return [_reason(ApprovalFlaw.KEY_REVOKED, "the key was revoked")]
    if standing is KeyStanding.NOT_YET:
        return [_reason(ApprovalFlaw.KEY_NOT_YET, f"the key counts from {key.counts_from}")]
    if standing is KeyStanding.REMOVED and ballot.is_approver:
        return [_reason(ApprovalFlaw.KEY_NOT_CONFIRMED, "the key ended with an earlier membership")]
    return []


def check_ballot(ballot: Ballot, decision: VoteDecision) -> list[ApprovalReason]:
    """Return what stands against this voter deciding this on this request now."""
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
    if is_author_alone(ballot):
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


def approvers_with(ballot: Ballot) -> list[ActorId]:
    """Return everybody who approves once this voter does, in the order of their votes."""
    earlier = [vote.voter_id for vote in approvals_of(ballot)]
    return list(dict.fromkeys([*earlier, ballot.voter_id]))


def is_author_alone(ballot: Ballot) -> bool:
    """Return whether this vote would meet the quorum with nobody but authors."""
    policy, approvers = ballot.workspace.approval_policy, approvers_with(ballot)
    return (
        policy.four_eyes
        and len(approvers) >= policy.quorum
        and ballot.authors.issuperset(approvers)
    )


def decide_outcome(ballot: Ballot, decision: VoteDecision) -> RequestStatus:
    """Return what a vote that nothing stands against makes of its request."""
    if decision is VoteDecision.REFUSE:
        return RequestStatus.REFUSED
    if len(approvers_with(ballot)) < ballot.workspace.approval_policy.quorum:
        return RequestStatus.OPEN
    return RequestStatus.GRANTED


def malformed(detail: str) -> ApprovalReason:
    """Return the reason that what was handed in is no envelope."""
    return _reason(ApprovalFlaw.ENVELOPE_MALFORMED, detail)


def _reason(code: ApprovalFlaw, detail: str) -> ApprovalReason:
    return ApprovalReason(code=code, detail=detail)
