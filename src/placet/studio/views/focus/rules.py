"""How a focus follows from what was read."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from placet.kernel.principal import Scope
from placet.policy.explain import Explained
from placet.policy.finding import Severity
from placet.policy.paths import PathError, parse_path
from placet.policy.sentences.line import Line
from placet.studio.drafts.model import CommandType
from placet.studio.drift.model import DriftItem, DriftStatus
from placet.studio.drift.rules import DECIDABLE, answer_of, as_it_counts
from placet.studio.judgments.model import Judgment, JudgmentNotFound, JudgmentStatus
from placet.studio.snapshots.model import SnapshotStatus
from placet.studio.snapshots.rules import count_stopping, decide_status
from placet.studio.views.control.rules import support_of
from placet.studio.views.focus.model import (
    AnswerKind,
    Consequence,
    DriftFacts,
    Focus,
    FocusRule,
    JudgmentFacts,
    Suggested,
)
from placet.studio.views.model import (
    BasisFacts,
    ContractNotShown,
    EvidenceFacts,
    ScopeFacts,
    ViewOf,
)
from placet.studio.views.rules import (
    basis_of,
    explained_of,
    head_of,
    observed_least,
    thin_says,
)

NO_COMMAND: Final = msgspec.Raw(b"null")
_TRIAGE: Final = [Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE]
_DECIDERS: Final = [Scope.APPROVE, Scope.OPERATE]
_DRIFT: Final = (
    (
        AnswerKind.ACKNOWLEDGE,
        DriftStatus.ACKNOWLEDGED,
        _TRIAGE,
        "somebody looks after it; it stays undecided",
    ),
    (
        AnswerKind.RESOLVE,
        DriftStatus.RESOLVED,
        _DECIDERS,
        "it is closed; the same seen later than now opens another",
    ),
    (
        AnswerKind.WAIVE,
        DriftStatus.WAIVED,
        _DECIDERS,
        "it counts for nothing until a date, at most a year from now, and then it is open again",
    ),
)
"""The answers to a drift item that change it alone: what it becomes, who may, and what follows."""


def focus_on_judgment(facts: JudgmentFacts, judgment_id: str) -> Focus:
    """Return the focus on a judgment. Takes its time.

    Refuses `contract_not_shown` and `judgment_not_found`.
    """
    basis = facts.basis
    if basis is None:
        raise ContractNotShown(detail="nothing like this was approved or frozen here yet")
    judgment = next((one for one in basis.judgments if one.judgment_id == judgment_id), None)
    if judgment is None:
        raise JudgmentNotFound(detail="the snapshot raises no judgment with this id")
    tool = _tool_at(judgment.place)
    _, explained = explained_of(basis) or (None, None)
    label = basis_of(basis, facts.as_of)
    says = []
    if facts.current_version is not None and facts.current_version != basis.snapshot_version:
        says.append("the draft was changed after this snapshot; its next one may ask otherwise")
    if tool is not None:
        observed = observed_least(facts.evidence) if basis.approval_id is not None else None
        says += thin_says(observed, facts.scan)
    if tool is not None and not facts.mentions:
        says.append("no source of the snapshot names this tool")
    return Focus(
        as_of=facts.as_of,
        workspace=head_of(facts.workspace),
        basis=label,
        judgment=judgment,
        drift=None,
        tool=tool,
        rules=_rules(explained, facts, facts.evidence, tool, None),
        mentions=facts.mentions,
        last_scan=facts.scan,
        consequences=list(_of_judgment(basis, judgment, label.of)),
        says=says,
    )


def focus_on_drift(facts: DriftFacts, item: DriftItem, suggested: Suggested | None) -> Focus:
    """Return the focus on a drift item. Takes its time. Refuses `contract_not_shown`."""
    basis = facts.basis
    if basis is None:
        raise ContractNotShown(detail="the item's approval cannot be shown")
    _, explained = explained_of(basis) or (None, None)
    tool = item.subject.tool
    observed = observed_least(facts.evidence) if tool or item.subject.rule else None
    return Focus(
        as_of=facts.as_of,
        workspace=head_of(facts.workspace),
        basis=basis_of(basis, facts.as_of),
        judgment=None,
        drift=answer_of(item, facts.as_of),
        tool=tool,
        rules=_rules(explained, facts, facts.evidence, tool, item.subject.rule),
        mentions=[],
        last_scan=facts.scan,
        consequences=list(_of_drift(facts, item, suggested)),
        says=[] if observed is None else thin_says(observed, facts.scan),
    )


def _rules(
    explained: Explained | None,
    facts: ScopeFacts,
    evidence: Sequence[EvidenceFacts],
    tool: str | None,
    rule: str | None,
) -> list[FocusRule]:
    """Return the rule that is named, or else every one of the tool."""
    support = {one.rule: support_of(one, facts.as_of) for one in evidence}
    return [
        FocusRule(rule=line.rule, layer=line.layer, says=line.says, support=support.get(line.rule))
        for line in (_lines(explained, tool) if explained else ())
        if rule is None or line.rule == rule
    ]


def _lines(explained: Explained, tool: str | None) -> Sequence[Line]:
    own = next((one.lines for one in explained.tools if one.tool == tool), None)
    return explained.session if own is None else own


def _of_judgment(basis: BasisFacts, judgment: Judgment, of: ViewOf) -> Iterator[Consequence]:
    if of is ViewOf.APPROVED:
        yield Consequence(
            answer=AnswerKind.LEAVE,
            needs=[],
            leads_to="nothing changes",
            says="it was part of what was approved; a new draft would raise it anew",
            command=NO_COMMAND,
        )
        return
    is_open = judgment.status is JudgmentStatus.OPEN
    after = JudgmentStatus.RESOLVED if is_open else JudgmentStatus.OPEN
    judgments = [
        replace(one, status=after) if one.judgment_id == judgment.judgment_id else one
        for one in basis.judgments
    ]
    stopping = count_stopping(basis.findings, judgments)
    yield Consequence(
        answer=AnswerKind.RESOLVE_JUDGMENT if is_open else AnswerKind.REOPEN_JUDGMENT,
        needs=[Scope.AUTHOR],
        leads_to=f"the judgment is `{after}`",
        says=f"{stopping} findings would stop an approval then; the reason stands in the view",
        snapshot_status=decide_status(basis.findings, judgments),
        command_type=(CommandType.RESOLVE_JUDGMENT if is_open else CommandType.REOPEN_JUDGMENT),
        command=NO_COMMAND,
    )
    yield Consequence(
        answer=AnswerKind.CHANGE_CONTRACT,
        needs=[Scope.AUTHOR],
        leads_to="the question is asked anew",
        says=f"{judgment.hint or 'change what it is about'}; an answer to it counts no more then",
        command=NO_COMMAND,
    )
    yield _left(basis, judgment, is_open=is_open)


def _left(basis: BasisFacts, judgment: Judgment, *, is_open: bool) -> Consequence:
    is_stopping = is_open and judgment.severity is Severity.BLOCKER
    status: SnapshotStatus = decide_status(basis.findings, basis.judgments)
    return Consequence(
        answer=AnswerKind.LEAVE,
        needs=[],
        leads_to="nothing changes",
        says="it stops an approval" if is_stopping else "it is recorded in the approval as it is",
        snapshot_status=status,
        command=NO_COMMAND,
    )


def _of_drift(
    facts: DriftFacts, item: DriftItem, suggested: Suggested | None
) -> Iterator[Consequence]:
    status = as_it_counts(item, facts.as_of).status
    for answer, becomes, needs, says in _DRIFT:
        if status in DECIDABLE[becomes]:
            yield Consequence(
                answer=answer, needs=needs, leads_to=f"`{becomes}`", says=says, command=NO_COMMAND
            )
    if status in DECIDABLE[DriftStatus.ACCEPTED] and suggested is not None:
        where = "the open draft" if suggested.draft_id else "a draft opened from the approval"
        yield Consequence(
            answer=AnswerKind.ACCEPT,
            needs=[Scope.AUTHOR],
            leads_to=f"`{DriftStatus.ACCEPTED}`",
            says=f"{where} takes it up; what is in force stays until a quorum approves another",
            command_type=suggested.command_type,
            command=suggested.command,
        )
    yield Consequence(
        answer=AnswerKind.LEAVE,
        needs=[],
        leads_to="nothing changes",
        says="drift never touches an approval; a newer one supersedes what nobody closed",
        command=NO_COMMAND,
    )


def _tool_at(place: str) -> str | None:
    """Return the tool that a judgment's place names, or None."""
    try:
        parts = parse_path(place).parts
    except PathError:
        return None
    match parts:
        case ("tools", str(name)):
            return name
        case _:
            return None
