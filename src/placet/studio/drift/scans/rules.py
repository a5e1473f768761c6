"""What of that which was seen is drift, and how severe it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from placet.kernel.value import Value
from placet.policy.model import Ruling
from placet.policy.rulings import GRAVE
from placet.replay.calls.model import Verdict
from placet.replay.observed.model import DecidedCalls, ToolCalls
from placet.studio.drift.model import (
    DriftItem,
    DriftKind,
    DriftSeverity,
    DriftSubject,
    Sighting,
    ToolChange,
)
from placet.studio.drift.rules import RANK, fingerprint_of
from placet.studio.drift.scans.model import (
    ApprovalChecked,
    ApprovalRuntimeReceipt,
    ApprovedTool,
    Difference,
    SeenTool,
)
from placet.studio.rule_evidence.model import EvidenceEntry, GovernedRule, RuleFamily
from placet.studio.workspaces.model import WorkspaceId

WINDOW_MAX: Final = timedelta(days=1)
"""How much time one scan looks at; what is left is for the next one."""

UNUSED_AFTER: Final = timedelta(days=30)
CONTRADICTIONS_MIN: Final = 5
TIMES_MINOR: Final = 10
TIMES_MAJOR: Final = 100

DEMAND_LAYERS: Final = frozenset({2, 3, 10})
PHASE_LAYER: Final = 4
CONTRADICTED: Final = frozenset(
    {
        RuleFamily.REQUIREMENT,
        RuleFamily.ARGUMENT,
        RuleFamily.CONDITION,
        RuleFamily.EFFECT,
        RuleFamily.AMOUNT,
    }
)
"""The families whose rules say what a call must be like, layers 5 to 9."""

MISPLACED: Final = "phase_conflict"

NEW_TOOL: Final = {
    Ruling.DENY: DriftSeverity.MINOR,
    Ruling.ASK: DriftSeverity.MAJOR,
    Ruling.ALLOW: DriftSeverity.CRITICAL,
}
"""How severe an unknown tool is, by what the contract rules for unknown tools."""

CHANGED_TOOL: Final = {
    ToolChange.DESCRIPTION_ONLY: (DriftSeverity.MINOR, DriftSeverity.MINOR),
    ToolChange.NARROWED: (DriftSeverity.MINOR, DriftSeverity.MINOR),
    ToolChange.WIDENED: (DriftSeverity.MINOR, DriftSeverity.MAJOR),
    ToolChange.INCOMPATIBLE: (DriftSeverity.MAJOR, DriftSeverity.CRITICAL),
}
"""How severe a changed tool is: an ordinary one, and a grave one."""


class Look(Value, frozen=True):
    """What a scan looks at: an approval, its rules and tools, and its items so far.

    `live` are the approval's items that are neither resolved nor superseded, by fingerprint.
    """

    workspace_id: WorkspaceId
    approval_id: UUID
    approved_at: datetime
    unmatched: Ruling
    rules: list[GovernedRule]
    tools: dict[str, ApprovedTool]
    live: Mapping[str, DriftItem]
    now: datetime

    def sighting(  # noqa: PLR0913 -- one argument per field of what is made
        self,
        kind: DriftKind,
        subject: DriftSubject,
        severity: DriftSeverity,
        summary: str,
        *,
        at: datetime,
        times: int = 1,
    ) -> Sighting:
        """Return that something was seen under this approval."""
        return Sighting(
            workspace_id=self.workspace_id,
            approval_id=self.approval_id,
            kind=kind,
            subject=subject,
            severity=severity,
            summary=summary,
            seen_at=at,
            times=times,
        )

    def is_grave(self, tool: str | None) -> bool:
        """Say whether a tool can do harm that cannot be undone."""
        known = self.tools.get(tool or "")
        return known is not None and known.side_effect in GRAVE


def one_higher(severity: DriftSeverity) -> DriftSeverity:
    """Return the next severity, or the highest."""
    ranked = sorted(RANK, key=lambda one: RANK[one])
    return ranked[min(RANK[severity] + 1, len(ranked) - 1)]


def severity_by_count(times: int, *, is_grave: bool) -> DriftSeverity:
    """Return how severe something is that was seen so often."""
    severity = DriftSeverity.INFO
    if times >= TIMES_MINOR:
        severity = DriftSeverity.MINOR
    if times >= TIMES_MAJOR:
        severity = DriftSeverity.MAJOR
    return one_higher(severity) if is_grave else severity


def only_newer(look: Look, seen: Iterable[Sighting]) -> Iterator[Sighting]:
    """Yield those that were seen later than their item was told of, or have none."""
    for sighting in seen:
        item = look.live.get(fingerprint_of(sighting.kind, sighting.subject))
        if item is None or item.last_seen_at < sighting.seen_at:
            yield sighting


def find_new_tools(look: Look, found: Iterable[SeenTool]) -> Iterator[Sighting]:
    """Yield the tools that the contract does not have and nobody knew of at the approval."""
    for tool in found:
        yield look.sighting(
            DriftKind.TOOL_NEW,
            DriftSubject(tool=tool.name),
            NEW_TOOL[look.unmatched],
            f"the agent offers `{tool.name}`, which the approved contract does not have",
            at=tool.last_seen_at,
        )


def find_changed_tools(look: Look, found: Iterable[Difference]) -> Iterator[Sighting]:
    """Yield the tools that are not what they were at the approval."""
    for it in found:
        subject = DriftSubject(tool=it.tool, change=it.change, found=it.found)
        ordinary, grave = CHANGED_TOOL[it.change]
        words = it.change.replace("_", " ")
        yield look.sighting(
            DriftKind.TOOL_CHANGED,
            subject,
            grave if look.is_grave(it.tool) else ordinary,
            f"`{it.tool}` is not the tool that was approved: {words}",
            at=it.seen_at,
        )


def find_refused(look: Look, decided: Iterable[DecidedCalls]) -> Iterator[Sighting]:
    """Yield calls that were refused by principal, ruling, limit or phase; one of each sort."""
    merged: dict[str, Sighting] = {}
    for calls in decided:
        seen = _refused(look, calls)
        if seen is None:
            continue
        key = fingerprint_of(seen.kind, seen.subject)
        before = merged.get(key)
        merged[key] = seen if before is None else _joined(before, seen)
    for key, seen in merged.items():
        so_far = look.live[key].seen_count if key in look.live else 0
        times = so_far + seen.times
        severity = severity_by_count(times, is_grave=look.is_grave(seen.subject.tool))
        yield replace(seen, severity=severity)


def find_misplaced(look: Look, misplaced: Iterable[ToolCalls]) -> Iterator[Sighting]:
    """Yield tools whose commits found the session in another phase than at the grant."""
    for calls in misplaced:
        grave = look.is_grave(calls.tool)
        yield look.sighting(
            DriftKind.OUTSIDE_PHASES,
            DriftSubject(tool=calls.tool, code=MISPLACED),
            DriftSeverity.CRITICAL if grave else DriftSeverity.MAJOR,
            f"calls of `{calls.tool}` took effect in another phase than they were granted in",
            at=calls.last_at,
            times=calls.times,
        )


def find_contradicted(
    look: Look, before: Sequence[EvidenceEntry], entries: Sequence[EvidenceEntry]
) -> Iterator[Sighting]:
    """Yield rules that more speaks against than for, and that calls spoke against since before."""
    so_far = {entry.rule: entry.contradiction_count for entry in before}
    for entry in entries:
        new = entry.contradiction_count - so_far.get(entry.rule, 0)
        is_contradicted = entry.contradiction_count >= CONTRADICTIONS_MIN
        if entry.family not in CONTRADICTED or new <= 0 or entry.last_observed_at is None:
            continue
        if not is_contradicted or entry.contradiction_count <= entry.support_count:
            continue
        grave = look.is_grave(entry.tool)
        severity = severity_by_count(max(entry.contradiction_count, TIMES_MINOR), is_grave=grave)
        yield look.sighting(
            DriftKind.RULE_CONTRADICTED,
            DriftSubject(tool=entry.tool, rule=entry.rule),
            severity,
            f"`{entry.rule}` refused {entry.contradiction_count} calls and let"
            f" {entry.support_count} pass",
            at=entry.last_observed_at,
            times=new,
        )


def find_unused(look: Look, entries: Sequence[EvidenceEntry]) -> Iterator[Sighting]:
    """Yield rules that no call reached for long, by tool where that is all of a tool's rules.

    Where there were no calls at all, or the approval is younger than that, nothing can be said. A
    rule counts as seen unused from the beginning of that time: resolved, it is not seen again
    before as much time has passed anew.
    """
    since = look.now - UNUSED_AFTER
    if look.approved_at > since or not any(_is_reached(entry, since) for entry in entries):
        return
    reached = {entry.rule for entry in entries if _is_reached(entry, since)}
    silent = _silent_tools(look, reached)
    for tool in sorted(silent):
        summary = f"`{tool}` was not called for {UNUSED_AFTER.days} days"
        yield look.sighting(
            DriftKind.RULE_UNUSED, DriftSubject(tool=tool), DriftSeverity.INFO, summary, at=since
        )
    for rule in look.rules:
        if rule.rule in reached or rule.is_refusing or rule.is_for_unknown:
            continue
        if rule.tools and not rule.tools <= silent:
            summary = f"no call came as far as `{rule.rule}` for {UNUSED_AFTER.days} days"
            subject = DriftSubject(tool=rule.tool, rule=rule.rule)
            yield look.sighting(
                DriftKind.RULE_UNUSED, subject, DriftSeverity.INFO, summary, at=since
            )


def _silent_tools(look: Look, reached: set[str]) -> set[str]:
    """Return the tools that may be called and were not: their ruling is what every call reaches."""
    own = {tool: {r.rule for r in look.rules if r.tools == {tool}} for tool in look.tools}
    return {
        name
        for name, tool in look.tools.items()
        if tool.ruling is not Ruling.DENY and own[name] and not own[name] & reached
    }


def _is_reached(entry: EvidenceEntry, since: datetime) -> bool:
    return entry.last_observed_at is not None and entry.last_observed_at >= since


def _refused(look: Look, calls: DecidedCalls) -> Sighting | None:
    if calls.verdict is not Verdict.DENY or not calls.codes or calls.layer is None:
        return None
    code = calls.codes[0]
    is_known = calls.tool in look.tools
    # What a model calls that no contract has may have any name: all of it is one thing.
    subject = DriftSubject(tool=calls.tool if is_known else None, code=code)
    if calls.layer in DEMAND_LAYERS:
        what = f"`{calls.tool}`" if is_known else "tools that the contract does not have"
        kind, summary = DriftKind.DEMAND_DENIED, f"calls of {what} are refused: {code}"
    elif calls.layer == PHASE_LAYER:
        kind = DriftKind.OUTSIDE_PHASES
        summary = f"`{calls.tool}` is called where its phases do not allow it: {code}"
    else:
        return None
    return look.sighting(
        kind, subject, DriftSeverity.INFO, summary, at=calls.last_at, times=calls.times
    )


def _joined(one: Sighting, other: Sighting) -> Sighting:
    return replace(one, seen_at=max(one.seen_at, other.seen_at), times=one.times + other.times)


def checked_of(receipt: ApprovalRuntimeReceipt) -> ApprovalChecked:
    """Return the event that tells of a receipt."""
    fields = ApprovalChecked.__struct_fields__
    return ApprovalChecked(**{name: getattr(receipt, name) for name in fields})
