"""Which rules an artifact has, and what observed calls say about each."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from placet.kernel import foreign
from placet.kernel.value import Value
from placet.policy.model import Ruling
from placet.policy.projection import RuntimeProjection
from placet.replay.calls.model import Verdict
from placet.replay.observed.model import DecidedCalls, ToolCalls
from placet.studio.rule_evidence.model import (
    CapturedCalls,
    EvidenceAnswer,
    EvidenceEntry,
    Freshness,
    GovernedRule,
    RuleCount,
    RuleFamily,
)

FAMILIES: Final = {
    2: RuleFamily.PRINCIPAL,
    3: RuleFamily.RULING,
    4: RuleFamily.PHASE,
    5: RuleFamily.REQUIREMENT,
    6: RuleFamily.ARGUMENT,
    7: RuleFamily.CONDITION,
    8: RuleFamily.EFFECT,
    9: RuleFamily.AMOUNT,
    10: RuleFamily.LIMIT,
    11: RuleFamily.CHECKPOINT,
}
"""The family of a rule, by the evaluator's layer that it acts in."""

HALF_LIVES: Final = {
    RuleFamily.PRINCIPAL: timedelta(days=180),
    RuleFamily.RULING: timedelta(days=90),
    RuleFamily.PHASE: timedelta(days=60),
    RuleFamily.REQUIREMENT: timedelta(days=60),
    RuleFamily.ARGUMENT: timedelta(days=30),
    RuleFamily.CONDITION: timedelta(days=30),
    RuleFamily.EFFECT: timedelta(days=60),
    RuleFamily.AMOUNT: timedelta(days=60),
    RuleFamily.LIMIT: timedelta(days=90),
    RuleFamily.CHECKPOINT: timedelta(days=90),
}
"""How long an observation of a rule of a family counts in full."""

STATIC_LAYERS: Final = frozenset({3, 6})
"""The layers that a captured call can be judged by: they ask nothing of a session."""

_UNMATCHED: Final = "session.unmatched_tools"
_EVERY: Final = "*"
_STEPS: Final = ".[/"
"""What can follow a rule's place in the place of a part of it."""
_UNCALLED: Final = ("session.phases[", "session.transitions.", "session.risk_defaults.")


class _Line(Value, frozen=True):
    """What is read of a rule of the review projection."""

    rule: str
    layer: int | None
    tool: str | None = None


class _Review(Value, frozen=True):
    """What is read of the review projection."""

    rules: list[_Line]


class _Indexed:
    """The rules of an artifact, found by tool and by place without going through all of them."""

    def __init__(self, rules: Sequence[GovernedRule]) -> None:
        self._places = {rule.rule for rule in rules}
        self._unknown = [rule for rule in rules if rule.is_for_unknown]
        self._by_tool: dict[str, list[GovernedRule]] = defaultdict(list)
        for rule in rules:
            for tool in rule.tools:
                self._by_tool[tool].append(rule)

    def of(self, tool: str) -> list[GovernedRule]:
        """Return the rules that a tool's calls come to; those of no contract have one alone."""
        return self._by_tool.get(tool) or self._unknown

    def holder_of(self, place: str) -> str | None:
        """Return the rule that a reason's place is part of.

        None where there is none: arguments that cannot be read speak against no rule.
        """
        ends = [at for at, char in enumerate(place) if char in _STEPS]
        for end in (len(place), *reversed(ends)):
            if place[:end] in self._places:
                return place[:end]
        return None


@dataclass
class _Tally:
    """What is counted of one rule."""

    support: int = 0
    contradictions: int = 0
    last_at: datetime | None = None

    def reach(self, at: datetime) -> None:
        """Note that a call came as far as the rule."""
        self.last_at = at if self.last_at is None else max(self.last_at, at)


def governed_rules(review: bytes, runtime: bytes) -> list[GovernedRule]:
    """Return the rules of an artifact that decide about calls, in its order."""
    lines = msgspec.json.decode(review, type=_Review).rules
    projection = msgspec.convert(foreign.parse(runtime), RuntimeProjection)
    tools: dict[str, set[str]] = defaultdict(set)
    layers: dict[str, int] = {}
    for line in lines:
        if line.layer not in FAMILIES or (line.tool is None and line.rule.startswith(_UNCALLED)):
            continue
        layers.setdefault(line.rule, line.layer)
        tools[line.rule] |= {line.tool} if line.tool else _covered(line.rule, projection)
    return [
        GovernedRule(
            rule=rule,
            layer=layer,
            family=FAMILIES[layer],
            tools=frozenset(tools[rule]),
            is_for_unknown=rule == _UNMATCHED,
            is_refusing=layer == 3 and _refuses(rule, tools[rule], projection),  # noqa: PLR2004 -- the layer of rulings
        )
        for rule, layer in layers.items()
    ]


def weigh(
    rules: Sequence[GovernedRule],
    decided: Iterable[DecidedCalls],
    succeeded: Iterable[ToolCalls],
    captured: Iterable[CapturedCalls],
) -> list[RuleCount]:
    """Return what calls say about each rule; a rule that none came as far as counts nothing."""
    tallies = {rule.rule: _Tally() for rule in rules}
    indexed = _Indexed(rules)
    for calls in decided:
        _decided(indexed, tallies, calls)
    for done in succeeded:
        for rule in indexed.of(done.tool):
            tallies[rule.rule].support += done.times
            tallies[rule.rule].reach(done.last_at)
    for seen in captured:
        _captured(indexed, tallies, seen)
    return [
        RuleCount(
            rule=rule.rule,
            support=tallies[rule.rule].support,
            contradictions=tallies[rule.rule].contradictions,
            last_at=tallies[rule.rule].last_at,
        )
        for rule in rules
    ]


def freshness_of(family: RuleFamily, last_at: datetime | None, now: datetime) -> Freshness:
    """Return how fresh a rule's evidence is at `now`."""
    if last_at is None:
        return Freshness.NEVER
    age, half_life = now - last_at, HALF_LIVES[family]
    if age <= half_life:
        return Freshness.FRESH
    return Freshness.AGEING if age <= 2 * half_life else Freshness.STALE


def answer_of(entry: EvidenceEntry, now: datetime) -> EvidenceAnswer:
    """Return an entry as it is shown at `now`."""
    return EvidenceAnswer(
        rule=entry.rule,
        tool=entry.tool,
        family=entry.family,
        support_count=entry.support_count,
        contradiction_count=entry.contradiction_count,
        last_observed_at=entry.last_observed_at,
        freshness=freshness_of(entry.family, entry.last_observed_at, now),
    )


def _decided(rules: _Indexed, tallies: dict[str, _Tally], calls: DecidedCalls) -> None:
    is_refused = calls.verdict is Verdict.DENY and calls.layer is not None
    for rule in rules.of(calls.tool):
        if not is_refused or rule.layer < (calls.layer or 0):
            tallies[rule.rule].reach(calls.last_at)
    if is_refused:
        _contradict(rules, tallies, calls.rules, calls)


def _captured(rules: _Indexed, tallies: dict[str, _Tally], calls: CapturedCalls) -> None:
    for rule in rules.of(calls.tool):
        is_kept = calls.layer is None or rule.layer < calls.layer
        if rule.layer in STATIC_LAYERS and is_kept:
            tallies[rule.rule].support += calls.times
            tallies[rule.rule].reach(calls.last_at)
    _contradict(rules, tallies, calls.rules, calls)


def _contradict(
    rules: _Indexed,
    tallies: dict[str, _Tally],
    places: Iterable[str],
    calls: DecidedCalls | CapturedCalls,
) -> None:
    """Count a refusal once against each rule that made it, whatever parts of it failed."""
    for name in {rules.holder_of(place) for place in places} - {None}:
        tallies[str(name)].contradictions += calls.times
        tallies[str(name)].reach(calls.last_at)


def _covered(rule: str, projection: RuntimeProjection) -> set[str]:
    """Return the tools whose calls come to a rule of the session."""
    every = set(projection.tools)
    kind, index = _named(rule)
    match kind:
        case "principals" if index is not None:
            return _among(projection.principals[index].tools, every)
        case "labels" if index is not None:
            return _among(projection.labels[index].deny, every)
        case "aggregates" if index is not None:
            return {projection.aggregates[index].tool}
        case "envelopes" if index is not None:
            return {projection.envelopes[index].tool}
        case "unmatched_tools":
            return set()
    per_tool = "session.limits.max_calls_per_tool."
    return {rule.removeprefix(per_tool)} if rule.startswith(per_tool) else every


def _named(rule: str) -> tuple[str, int | None]:
    """Return which list of the session a rule stands in, and where there."""
    kind, bracket, rest = rule.removeprefix("session.").partition("[")
    return kind, int(rest.partition("]")[0]) if bracket else None


def _among(named: Iterable[str], every: set[str]) -> set[str]:
    tools = set(named)
    return every if _EVERY in tools else tools


def _refuses(rule: str, tools: Iterable[str], projection: RuntimeProjection) -> bool:
    if rule == _UNMATCHED:
        return projection.unmatched_tools is Ruling.DENY
    return all(projection.tools[tool].ruling is Ruling.DENY for tool in tools)
