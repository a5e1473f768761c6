"""Conformance findings, and what is read for them."""

from datetime import datetime
from typing import Final

from placet.kernel.value import Value
from placet.studio.rule_evidence.model import Freshness, RuleFamily
from placet.studio.views.model import (
    Basis,
    DriftLine,
    EvidenceFacts,
    ScanLine,
    ScopeFacts,
    WorkspaceHead,
)

SCANS_MAX: Final = 20
"""Scans that are shown, the latest ones."""


class ConformanceFacts(ScopeFacts, frozen=True):
    """What is read for conformance findings, in one statement.

    `drift_total` counts every live item, `open_total` those that are open.
    """

    scans: list[ScanLine]
    drift: list[DriftLine]
    drift_total: int
    open_total: int
    evidence: list[EvidenceFacts]


class RuleStanding(Value, frozen=True):
    """A rule with what observed calls say of it. `says` is null where the contract has it no more.

    `is_contradicted` says that more speaks against the rule than for it.
    """

    rule: str
    tool: str | None
    family: RuleFamily
    says: str | None
    support_count: int
    contradiction_count: int
    last_observed_at: datetime | None
    freshness: Freshness
    is_contradicted: bool


class FreshnessCount(Value, frozen=True):
    """So many rules whose evidence is so fresh."""

    freshness: Freshness
    rules: int


class Conformance(Value, frozen=True):
    """Whether the runtime keeps to the approval in force, as far as anybody looked.

    `is_clean` is null where no scan looked at this approval: *never checked* is not *clean*. Else
    it says that the last scan left nothing, and that nothing is open now. `calls_checked` are those
    of the scans that are shown. `rules` are those that no call reached, that are contradicted, or
    whose evidence is stale, the contradicted ones first.
    """

    as_of: datetime
    workspace: WorkspaceHead
    basis: Basis | None
    is_clean: bool | None
    scans: list[ScanLine]
    calls_checked: int
    drift: list[DriftLine]
    drift_total: int
    freshness: list[FreshnessCount]
    rules: list[RuleStanding]
    says: list[str]
