"""How a preview follows from what was read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from placet.policy.diff.change import ChangeKind
from placet.studio.approvals.model import ApprovalFlaw, ApprovalReason
from placet.studio.approvals.rules import check_approvable
from placet.studio.impact.model import ImpactReport, ImpactSummary
from placet.studio.impact.report import summary_of
from placet.studio.judgments.model import JudgmentStatus
from placet.studio.requests.model import RequestStatus
from placet.studio.requests.rules import status_at
from placet.studio.views.preview.model import (
    ApprovalPreview,
    FrozenView,
    Missing,
    PersonFacts,
    PreviewFacts,
    Voter,
)
from placet.studio.views.rules import head_of
from placet.studio.votes.model import Ballot, Tally
from placet.studio.votes.rules import approvals_of, authors_of, check_policy, tally_of
from placet.studio.workspaces.model import KeyStanding
from placet.studio.workspaces.rules import groups_of, standing_of

_FRAME: Final = msgspec.json.Decoder(FrozenView)
_REPORT: Final = msgspec.json.Decoder(ImpactReport)


def preview_of(facts: PreviewFacts) -> ApprovalPreview:
    """Return the preview. Takes its time."""
    frame = _FRAME.decode(facts.frame)
    ballot = ballot_of(facts)
    request, status = facts.request, status_at(facts.request, facts.as_of)
    counting = {vote.key_id: vote.voter_id for vote in approvals_of(ballot)}
    voters = _voters(facts, ballot, set(counting), is_open=status is RequestStatus.OPEN)
    missing = _missing(tally_of(ballot, counting), voters)
    is_current = frame.diff.against == facts.workspace.active_approval_id
    stands_against = _against(ballot, status)
    preview = ApprovalPreview(
        as_of=facts.as_of,
        workspace=head_of(facts.workspace),
        request_id=request.request_id,
        status=status,
        purpose=request.purpose,
        deadline=request.deadline,
        requested_by=request.requested_by,
        view_hash=request.view_hash,
        artifact_hash=request.artifact_hash,
        snapshot_id=facts.snapshot.snapshot_id,
        snapshot_hash=facts.snapshot.snapshot_hash,
        snapshot_version=facts.snapshot.version,
        against=frame.diff.against,
        is_current=is_current,
        changes=frame.diff.changes,
        policy_change=request.policy_change,
        findings=facts.snapshot.findings,
        judgments=facts.snapshot.judgments,
        impact_in_view=frame.impact,
        impact=_impact(facts),
        stands_against=stands_against,
        missing=missing,
        voters=voters,
        says=[],
    )
    return msgspec.structs.replace(preview, says=list(_says(preview)))


def ballot_of(facts: PreviewFacts) -> Ballot:
    """Return what votes on the request are judged by; it is nobody's, and none is handed in."""
    disabled = {one.actor_id for one in facts.people if one.is_disabled}
    removed, revoked = facts.removals, set(facts.revoked)
    return Ballot(
        request=facts.request,
        workspace=facts.workspace,
        draft=facts.draft,
        snapshot=facts.snapshot,
        votes=facts.votes,
        keys={
            key.key_id: (key, standing_of(key, removed, revoked, disabled, facts.as_of))
            for key in facts.keys
        },
        members=facts.members,
        authors=authors_of(facts.request, facts.authors),
        voter_id=facts.request.requested_by,
        is_approver=False,
        now=facts.as_of,
    )


def _against(ballot: Ballot, status: RequestStatus) -> list[ApprovalReason]:
    """Return what keeps the request from being granted, but for votes that are missing."""
    if status is RequestStatus.EXPIRED:
        detail = "the deadline has passed"
        return [ApprovalReason(code=ApprovalFlaw.REQUEST_EXPIRED, detail=detail)]
    if status is not RequestStatus.OPEN:
        detail = f"the request is `{status}`"
        return [ApprovalReason(code=ApprovalFlaw.REQUEST_CLOSED, detail=detail)]
    reasons = check_approvable(ballot.workspace, ballot.draft, ballot.snapshot)
    return reasons + check_policy(ballot)


def _voters(
    facts: PreviewFacts, ballot: Ballot, counting: set[str], *, is_open: bool
) -> list[Voter]:
    return [_voter(one, ballot, counting, is_open=is_open) for one in facts.people]


def _voter(person: PersonFacts, ballot: Ballot, counting: set[str], *, is_open: bool) -> Voter:
    own = [each for each in ballot.keys.values() if each[0].actor_id == person.actor_id]
    good = [key.key_id for key, standing in own if standing is KeyStanding.COUNTS]
    groups = {name for key in good for name in groups_of(ballot.members, key, ballot.now)}
    vote = next((one for one in ballot.votes if one.voter_id == person.actor_id), None)
    return Voter(
        actor_id=person.actor_id,
        name=person.name,
        groups=sorted(groups),
        standings=[standing for _, standing in own],
        is_author=person.actor_id in ballot.authors,
        may_vote=is_open and person.has_role and bool(good) and vote is None,
        decision=vote.decision if vote else None,
        counts=vote is not None and vote.key_id in counting,
    )


def _missing(tally: Tally, voters: Sequence[Voter]) -> list[Missing]:
    """Return each quorum with what it still takes, the one over everybody first."""
    quorums: list[tuple[str | None, int, int]] = [(None, tally.approvals, tally.quorum)]
    quorums += [(group.name, group.approvals, group.quorum) for group in tally.groups]
    return [
        Missing(
            name=name,
            approvals=approvals,
            quorum=quorum,
            missing=max(0, quorum - approvals),
            could_vote=sum(one.may_vote and (name is None or name in one.groups) for one in voters),
        )
        for name, approvals, quorum in quorums
    ]


def _impact(facts: PreviewFacts) -> ImpactSummary | None:
    if facts.impact is None:
        return None
    return summary_of(facts.impact, _REPORT.decode(facts.impact.report))


def _says(preview: ApprovalPreview) -> Iterator[str]:
    kinds = Counter(change.kind for change in preview.changes)
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in ChangeKind if kinds[kind])
    yield f"against {'what was in force' if preview.against else 'nothing'}: {told or 'no change'}"
    if not preview.is_current:
        yield "something else is in force now than the view compares with: look at it again"
    if preview.impact is None:
        yield "no impact was computed: what becomes of recorded calls is not known"
    elif preview.impact.calls == 0:
        yield "the impact was computed over no call: it says nothing"
    if preview.impact and preview.impact != preview.impact_in_view:
        yield "the voters' view has an older impact than this one, or none"
    answered = sum(one.status is JudgmentStatus.RESOLVED for one in preview.judgments)
    if preview.judgments:
        yield f"{answered} of {len(preview.judgments)} judgments were answered by people"
    yield from _short(preview.missing, preview.status)


def _short(missing: Iterable[Missing], status: RequestStatus) -> Iterator[str]:
    for one in missing if status is RequestStatus.OPEN else ():
        whom = f"in the group `{one.name}`" if one.name else "in all"
        if one.missing > one.could_vote:
            yield f"{one.missing} approvals are missing {whom}, and {one.could_vote} could be given"
        elif one.missing:
            yield f"{one.missing} approvals are missing {whom}"
