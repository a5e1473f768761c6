"""What makes two sightings the same, and what an item counts for."""

from typing import Final

from placet.kernel.canonical import canonical
from placet.kernel.hashing import digest
from placet.kernel.value import Value
from placet.studio.drift.model import (
    DriftItem,
    DriftKind,
    DriftOpened,
    DriftSeverity,
    DriftSubject,
)

RANK: Final = {severity: rank for rank, severity in enumerate(DriftSeverity)}


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
