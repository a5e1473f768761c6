"""Which asks of a response standing grants answer: pure functions."""

from collections import Counter
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.cost import text_ns, values_in
from placet.policy.decision import Ask
from placet.policy.evaluate import evaluate_response
from placet.policy.facts import Call, Facts
from placet.policy.loaded import Policy
from placet.policy.model import Gate
from placet.policy.operators import Operator
from placet.policy.paths import Path, Selected, select
from placet.policy.response import ResponseDecision
from placet.policy.standing import checkpoint_hash, load_rules, schema_hash
from placet.replay.standing.model import PER_TOOL_MAX, StandingFact

RESPONSE_NS_MAX: Final = 50_000_000
"""Nanoseconds that looking for answers to a response may take at most, by the bounds of `cost`.

Each ask of it has an equal share; what its share does not reach to is asked about.
"""

LOOK_NS: Final = 3_000
"""At most what it takes to come to a rule, beside what its operator takes."""

SELECT_NS: Final = 1_000
"""At most what it takes to find one value; a path with `[*]` may pass by all of them."""


def evaluate_standing(
    policy: Policy, facts: Facts, calls: Sequence[Call], standing: Sequence[StandingFact]
) -> tuple[ResponseDecision, dict[UUID, UUID]]:
    """Return the decision on a response, and by which standing grant calls of it are granted.

    Each ask that one matches is judged again as approved. Where a response is granted as a whole,
    none is unless all are. After a restore they answer nothing until what was lost is closed: how
    often they were used in it nobody knows.
    """
    decision = evaluate_response(policy, facts, calls)
    if not standing or facts.is_recovering:
        return decision, {}
    asked = [
        call
        for call, verdict in zip(calls, decision.calls, strict=True)
        if isinstance(verdict.decision, Ask) and verdict.blocked_why is None
    ]
    answered = _answers(policy, asked, standing)
    if not answered or (policy.gate is Gate.REJECT_ALL and len(answered) < len(asked)):
        return decision, {}
    approved = frozenset({*facts.approved, *answered})
    again = evaluate_response(policy, msgspec.structs.replace(facts, approved=approved), calls)
    granted = {
        call.call_id
        for call, verdict in zip(calls, again.calls, strict=True)
        if verdict.granted and call.call_id is not None
    }
    return again, {call: by for call, by in answered.items() if call in granted}


def _answers(
    policy: Policy, asked: Sequence[Call], standing: Sequence[StandingFact]
) -> dict[UUID, UUID]:
    spent: Counter[UUID] = Counter()
    found: dict[UUID, UUID] = {}
    usable = {name: _usable(policy, name, standing) for name in {call.tool for call in asked}}
    for call in asked:
        if not usable[call.tool]:
            continue
        looked = _Looked(call, RESPONSE_NS_MAX // len(asked))
        for one in usable[call.tool]:
            if looked.is_over:
                break
            if spent[one.standing_id] < one.left and looked.holds(load_rules(one.rules)):
                assert isinstance(call.call_id, UUID), "a session's call"  # noqa: S101 -- narrows
                spent[one.standing_id] += 1
                found[call.call_id] = one.standing_id
                break
    return found


def _usable(policy: Policy, name: str, standing: Sequence[StandingFact]) -> list[StandingFact]:
    """Return the standing grants that were signed for a tool as it is."""
    tool = policy.tools.get(name)
    if tool is None or tool.checkpoint is None:
        return []
    own = [one for one in standing if one.tool == tool.name]
    signed = (schema_hash(tool), checkpoint_hash(tool.checkpoint)) if own else None
    fit = [one for one in own if (one.schema_hash, one.checkpoint_hash) == signed]
    return fit[:PER_TOOL_MAX]


class _Looked:
    """The arguments of one call, parsed once, and what looking at them may still take."""

    def __init__(self, call: Call, ns: int) -> None:
        self._given: Json = foreign.parse(call.arguments)
        self._values = values_in(call.arguments)
        self._found: dict[str, tuple[list[Selected], int]] = {}
        self._left = ns

    @property
    def is_over(self) -> bool:
        """Tell that nothing more may be looked at."""
        return self._left < 0

    def holds(self, rules: Sequence[Operator]) -> bool:
        """Tell whether every rule holds. What could take too long to find out does not."""
        for rule in rules:
            found, count = self._found.get(rule.path.text) or self._select(rule.path)
            self._left -= LOOK_NS + rule.per_value * count
            if rule.per_byte:
                self._left -= text_ns(rule, found)
            if self._left < 0 or rule.fault(found) is not None:
                return False
        return True

    def _select(self, path: Path) -> tuple[list[Selected], int]:
        """Return what is at a path and how many values that is, nothing once too much was spent."""
        self._left -= SELECT_NS * (self._values if path.is_many else 1)
        if self._left < 0:
            return [], 0
        found = select(path, self._given)
        count = sum(len(value) if isinstance(value, list) else 1 for value in found)
        self._found[path.text] = found, max(count, 1)
        return self._found[path.text]
