"""What of that which was seen is drift, and how severe it is."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from placet.policy.model import Ruling
from placet.replay.calls.model import Verdict
from placet.replay.observed.model import CallWindow, DecidedCalls, ToolCalls
from placet.studio.drift.model import (
    DriftKind,
    DriftSeverity,
    DriftSubject,
    Sighting,
)
from placet.studio.drift.rules import fingerprint_of
from placet.studio.drift.scans.look import TIMES_MINOR, Look, severity_by_count
from placet.studio.drift.scans.model import (
    ApprovalChecked,
    ApprovalRuntimeReceipt,
)
from placet.studio.rule_evidence.model import EvidenceEntry, RuleFamily

WINDOW_MAX: Final = timedelta(days=1)
"""How much time one scan looks at; what is left is for the next one."""

WINDOW_MIN: Final = timedelta(seconds=10)
"""Half of less than twice this is not looked at alone."""

UNUSED_AFTER: Final = timedelta(days=30)
CONTRADICTIONS_MIN: Final = 5

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


def halved(window: CallWindow) -> CallWindow | None:
    """Return the first half of a window whose calls cannot be counted in time, if it is any use."""
    half = (window.until - window.after) / 2
    return None if half < WINDOW_MIN else replace(window, until=window.after + half)


def reach_after(last: ApprovalRuntimeReceipt | None) -> timedelta:
    """Return how much time a scan looks at first: twice what the last one had to be content with.

    A scan that left as much time as it looked at, or more, could not count it.
    """
    if last is None:
        return WINDOW_MAX
    length = last.window_to - last.window_from
    is_cut = length >= WINDOW_MIN and last.checked_at - last.window_to >= length
    return min(2 * length, WINDOW_MAX) if is_cut else WINDOW_MAX


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
    since = look.until - UNUSED_AFTER
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
