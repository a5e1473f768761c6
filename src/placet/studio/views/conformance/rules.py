"""How conformance findings follow from what was read."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime

from placet.policy.explain import Explained
from placet.studio.rule_evidence.model import Freshness
from placet.studio.rule_evidence.rules import freshness_of
from placet.studio.views.conformance.model import (
    Conformance,
    ConformanceFacts,
    FreshnessCount,
    RuleStanding,
)
from placet.studio.views.model import ITEMS_MAX, THIN_BELOW, EvidenceFacts
from placet.studio.views.rules import basis_of, explained_of, head_of


def conformance_of(facts: ConformanceFacts) -> Conformance:
    """Return the findings. Takes its time."""
    _, explained = explained_of(facts.basis) or (None, None)
    sentences = _sentences(explained) if explained else {}
    standings = [_standing(one, sentences, facts.as_of) for one in facts.evidence]
    counts = Counter(one.freshness for one in standings)
    return Conformance(
        as_of=facts.as_of,
        workspace=head_of(facts.workspace),
        basis=basis_of(facts.basis, facts.as_of) if facts.basis else None,
        is_clean=_is_clean(facts),
        scans=facts.scans,
        calls_checked=sum(scan.call_count for scan in facts.scans),
        drift=facts.drift,
        drift_total=facts.drift_total,
        freshness=[FreshnessCount(freshness=one, rules=counts[one]) for one in Freshness],
        rules=sorted(
            (one for one in standings if _is_told(one)),
            key=lambda one: (not one.is_contradicted, one.freshness is Freshness.NEVER, one.rule),
        ),
        says=list(_says(facts)),
    )


def _sentences(explained: Explained) -> dict[str, str]:
    lines = [*explained.session, *(line for tool in explained.tools for line in tool.lines)]
    told: dict[str, str] = {}
    for line in lines:
        told.setdefault(line.rule, line.says)
    return told


def _standing(entry: EvidenceFacts, says: Mapping[str, str], as_of: datetime) -> RuleStanding:
    return RuleStanding(
        rule=entry.rule,
        tool=entry.tool,
        family=entry.family,
        says=says.get(entry.rule),
        support_count=entry.support_count,
        contradiction_count=entry.contradiction_count,
        last_observed_at=entry.last_observed_at,
        freshness=freshness_of(entry.family, entry.last_observed_at, as_of),
        is_contradicted=entry.contradiction_count > entry.support_count,
    )


def _is_told(standing: RuleStanding) -> bool:
    return standing.is_contradicted or standing.freshness in {Freshness.NEVER, Freshness.STALE}


def _is_clean(facts: ConformanceFacts) -> bool | None:
    if not facts.scans:
        return None
    return facts.scans[0].is_clean and not facts.open_total


def _says(facts: ConformanceFacts) -> Iterator[str]:
    """Say what was not looked at, and what little was."""
    if facts.basis is None:
        yield "nothing is in force here: there is nothing to keep to"
        return
    if not facts.scans:
        yield "the runtime was never compared with this approval"
        return
    calls = sum(scan.call_count for scan in facts.scans)
    if calls < THIN_BELOW:
        yield f"thin: {calls} calls in the {len(facts.scans)} scans that are shown"
    if facts.drift_total > ITEMS_MAX:
        yield f"the {ITEMS_MAX} gravest of {facts.drift_total} drift items are shown"
