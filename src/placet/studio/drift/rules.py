"""What makes two sightings the same, and what an item counts for."""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import asdict, replace

from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.value import Value
from placet.studio.drift.model import (
    WAIVED_DAYS_MAX,
    DriftAnswer,
    DriftClosed,
    DriftDecided,
    DriftDecision,
    DriftItem,
    DriftKind,
    DriftOpened,
    DriftSeverity,
    DriftStatus,
    DriftSubject,
    WaiverOutOfRange,
)

RANK: Final = {severity: rank for rank, severity in enumerate(DriftSeverity)}

_UNDECIDED: Final = frozenset({DriftStatus.OPEN, DriftStatus.ACKNOWLEDGED, DriftStatus.WAIVED})
DECIDABLE: Final = {
    DriftStatus.ACKNOWLEDGED: frozenset({DriftStatus.OPEN}),
    DriftStatus.RESOLVED: _UNDECIDED,
    DriftStatus.WAIVED: _UNDECIDED,
    DriftStatus.ACCEPTED: _UNDECIDED,
}
"""From which statuses an item can be brought to which."""


class _Found(Value, frozen=True):
    """What a fingerprint is taken of."""

    kind: DriftKind
    target_ref: str
    subject: DriftSubject


def target_of(subject: DriftSubject) -> str:
    """Return what an item points at: a rule, else a tool, else the approval as a whole."""
    if subject.rule is not None:
        return f"rule:{subject.rule}"
    return "approval" if subject.tool is None else f"tool:{subject.tool}"


def fingerprint_of(kind: DriftKind, subject: DriftSubject) -> str:
    """Return, in hex, what the same divergence has in common whenever it is seen."""
    found = _Found(kind=kind, target_ref=target_of(subject), subject=subject)
    return digest("drift", canonical(found)).hex()


def opening_of(item: DriftItem) -> DriftOpened:
    """Return the event that tells of an item that is open now and was not."""
    return DriftOpened(
        item_id=item.item_id,
        approval_id=item.approval_id,
        kind=item.kind,
        target_ref=item.target_ref,
        fingerprint=item.fingerprint,
        severity=item.severity,
        summary=item.summary,
    )


def as_it_counts(item: DriftItem, now: datetime) -> DriftItem:
    """Return an item as it counts at `now`: one whose waiver has ended is open."""
    if item.waived_until is not None and item.waived_until <= now:
        return replace(item, status=DriftStatus.OPEN, waived_until=None)
    return item


def answer_of(item: DriftItem, now: datetime) -> DriftAnswer:
    """Return an item as it is shown at `now`."""
    shown = asdict(as_it_counts(item, now))
    return DriftAnswer(**{name: shown[name] for name in DriftAnswer.__struct_fields__})


def check_decision(item: DriftItem, decision: DriftDecision, now: datetime) -> None:
    """Refuse `drift_closed` and `waiver_out_of_range`."""
    status = as_it_counts(item, now).status
    if status not in DECIDABLE[decision.status]:
        raise DriftClosed(
            detail=f"the item is `{status}` and cannot become `{decision.status}`",
            drift_status=status,
        )
    until = decision.waived_until
    if until is not None and not now < until <= now + timedelta(days=WAIVED_DAYS_MAX):
        raise WaiverOutOfRange(detail=f"the waiver would end at {until.isoformat()}")


def decided_of(item: DriftItem, decision: DriftDecision, now: datetime) -> DriftDecided:
    """Return the event that tells of a decision."""
    return DriftDecided(
        item_id=item.item_id,
        approval_id=item.approval_id,
        fingerprint=item.fingerprint,
        was=as_it_counts(item, now).status,
        status=decision.status,
        reason=decision.reason,
        waived_until=decision.waived_until,
        draft_id=decision.draft_id,
    )
