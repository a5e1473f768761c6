"""What a scan looks at, and how severe it is by how often it was seen."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from placet.kernel.value import Value
from placet.policy.model import Ruling
from placet.policy.rulings import GRAVE
from placet.studio.drift.model import (
    DriftItem,
    DriftKind,
    DriftSeverity,
    DriftSubject,
    Sighting,
)
from placet.studio.drift.rules import RANK, fingerprint_of
from placet.studio.drift.scans.model import (
    ApprovedTool,
)
from placet.studio.rule_evidence.model import GovernedRule
from placet.studio.workspaces.model import WorkspaceId

TIMES_MINOR: Final = 10
TIMES_MAJOR: Final = 100


class Look(Value, frozen=True):
    """What a scan looks at: an approval, its rules and tools, and its items so far.

    `live` are the approval's items that are neither resolved nor superseded, by fingerprint. Every
    call up to `until` is counted, and none after it.
    """

    workspace_id: WorkspaceId
    approval_id: UUID
    approved_at: datetime
    unmatched: Ruling
    rules: list[GovernedRule]
    tools: dict[str, ApprovedTool]
    live: Mapping[str, DriftItem]
    until: datetime

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
    """Yield those that were seen later than their item was told of, are graver, or have none."""
    for sighting in seen:
        item = look.live.get(fingerprint_of(sighting.kind, sighting.subject))
        is_graver = item is not None and RANK[item.severity] < RANK[sighting.severity]
        if item is None or is_graver or item.last_seen_at < sighting.seen_at:
            yield sighting
