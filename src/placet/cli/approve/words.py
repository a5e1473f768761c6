"""What a person is shown before they are asked."""

from collections.abc import Iterator, Sequence

from placet.cli.approve.looking import Looked
from placet.cli.approve.served import Served
from placet.cli.policy.diff import change_lines
from placet.cli.words import as_text, counted, plain
from placet.studio.endings.model import EndedApproval
from placet.studio.impact.model import ImpactSummary
from placet.studio.workspaces.model import ApprovalPolicy


def told(served: Served, looked: Looked) -> str:
    """Return what tells of a request: what it is, what changes, what was found.

    What a contract or a person wrote cannot move the cursor or colour a line: control characters
    are shown by their codes.
    """
    return "\n".join(plain(line) for line in _lines(served, looked))


def _lines(served: Served, looked: Looked) -> Iterator[str]:
    yield from _what(served, looked)
    yield ""
    against = "nothing is in force"
    if (base := looked.base) is not None:
        against = f"in force: {base.approval_id}, number {base.approval_version}"
        against += f", of {base.approved_at:%Y-%m-%d %H:%M}"
    yield f"changes, compared here ({against})"
    yield from change_lines(looked.changes)
    for note in looked.notes:
        yield f"NOTE: {note}"
    if looked.findings:
        yield ""
        yield "findings, made here"
        for finding in looked.findings:
            yield f"  {finding.severity} {finding.code} at {finding.path}: {finding.message}"
    yield from _answers(served)
    if looked.frame is not None:
        yield from ended_words(looked.frame.ended)
    if looked.frame is not None and looked.frame.impact is not None:
        yield from _impact(looked.frame.impact)
    yield ""
    yield from _verdict(looked)


def _what(served: Served, looked: Looked) -> Iterator[str]:
    request, workspace = served.request, served.workspace
    yield f"request    {request.request_id} ({request.status}, until {request.deadline})"
    yield f"purpose    {request.vote_fields.purpose}"
    yield f"agent      {workspace.agent} in {workspace.environment} ({workspace.enforcement})"
    yield f"snapshot   {request.snapshot_id}, version {served.snapshot.version}"
    yield f"artifact   {looked.fields.artifact_hash}"
    yield f"policy     {policy_words(workspace.approval_policy)}"
    if looked.frame is not None and looked.frame.policy_change is not None:
        change = looked.frame.policy_change
        yield f"NEW POLICY {policy_words(change.approval_policy)}"
        yield from policy_changes(workspace.approval_policy, change.approval_policy)
        for first in change.first_members:
            yield f"           group {first.group}: key {first.key_id} is put into it"
        for entry in change.roll:
            later = f", counts from {entry.counts_from}" if entry.counts_from else ""
            yield f"           group {entry.group}: {entry.actor_id} with key {entry.key_id}{later}"
    for vote in served.votes.votes:
        how = f"{vote.decision} ({vote.signed_in})"
        yield f"voted      {vote.voter_id} {how} with key {vote.key_id}"


def ended_words(ended: Sequence[EndedApproval]) -> Iterator[str]:
    """Yield what was revoked or ran out of what the request would bring back, as served."""
    if ended:
        yield ""
        yield "would bring back what had ended, as the service tells"
    for approval in ended:
        why = "" if approval.reason is None else f": {approval.reason}"
        yield f"  {approval.kind} {approval.ended_at}: approval {approval.approval_id}{why}"


def policy_words(policy: ApprovalPolicy) -> str:
    """Return an approval policy in one line."""
    parts = [f"{policy.quorum} people"]
    parts += [f"{group.quorum} of group {group.name}" for group in policy.groups]
    parts += ["four eyes"] if policy.four_eyes else []
    lasts = policy.validity_days
    parts.append("for ever" if lasts is None else f"for {counted(lasts, 'day')}")
    parts.append(f"enrolments wait {policy.enrolment_delay_hours} hours")
    return ", ".join(parts)


def policy_changes(before: ApprovalPolicy, after: ApprovalPolicy) -> Iterator[str]:
    """Yield each field of an approval policy that becomes another, whichever fields it has."""
    for name in before.__struct_fields__:
        was, becomes = getattr(before, name), getattr(after, name)
        if was != becomes:
            yield f"           {name}: {as_text(was)} -> {as_text(becomes)}"


def _answers(served: Served) -> Iterator[str]:
    if not served.snapshot.judgments:
        return
    yield ""
    yield "judgments"
    for judgment in served.snapshot.judgments:
        yield f"  {judgment.severity} {judgment.status} {judgment.code}: {judgment.message}"
        if judgment.answer is not None:
            yield f"    answered: {judgment.answer.reason}"


def _impact(impact: ImpactSummary) -> Iterator[str]:
    """Yield what the service found in recorded calls, which this machine does not have."""
    yield ""
    yield f"recorded calls, as the service tells ({impact.calls} in {impact.sessions} sessions)"
    for flip in impact.flips:
        yield f"  {flip.before} -> {flip.after}: {flip.calls}"
    yield f"  the same: {impact.same}; not judged: {impact.unjudged}"
    if impact.is_truncated:
        yield "  there were more calls than were looked at"


def _verdict(looked: Looked) -> Iterator[str]:
    if not looked.disagreements:
        yield "compiled and compared here: the service and this machine agree"
        return
    yield f"THE SERVICE AND THIS MACHINE DISAGREE in {len(looked.disagreements)} places"
    for one in looked.disagreements:
        yield f"  {one.item}: {one.why}"
