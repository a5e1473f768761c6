"""Which asks of a response standing grants answer: pure functions."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.cost import CHECK_NS_MAX, text_ns
from placet.policy.decision import Ask
from placet.policy.evaluate import evaluate_response
from placet.policy.facts import Call, Facts
from placet.policy.loaded import Policy
from placet.policy.model import Gate
from placet.policy.operators import Operator
from placet.policy.paths import select
from placet.policy.response import ResponseDecision
from placet.policy.standing import checkpoint_hash, load_rules, schema_hash
from placet.replay.standing.model import StandingFact


def evaluate_standing(
    policy: Policy, facts: Facts, calls: Sequence[Call], standing: Sequence[StandingFact]
) -> tuple[ResponseDecision, dict[UUID, UUID]]:
    """Return the decision on a response, and by which standing grant calls of it are granted.

    Each ask that one matches is judged again as approved. Where a response is granted as a whole,
    none is unless all are.
    """
    decision = evaluate_response(policy, facts, calls)
    if not standing:
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
    for call in asked:
        for one in standing:
            if spent[one.standing_id] < one.left and _matches(policy, call, one):
                assert isinstance(call.call_id, UUID), "a session's call"  # noqa: S101 -- narrows
                spent[one.standing_id] += 1
                found[call.call_id] = one.standing_id
                break
    return found


def _matches(policy: Policy, call: Call, one: StandingFact) -> bool:
    tool = policy.tools.get(call.tool)
    if tool is None or tool.checkpoint is None or tool.name != one.tool:
        return False
    if one.schema_hash != schema_hash(tool):
        return False
    if one.checkpoint_hash != checkpoint_hash(tool.checkpoint):
        return False
    return _holds(load_rules(one.rules), foreign.parse(call.arguments))


def _holds(rules: Sequence[Operator], given: Json) -> bool:
    """Tell whether every rule holds. What could take too long to find out does not."""
    spent = 0
    for rule in rules:
        found = select(rule.path, given)
        spent += text_ns(rule, found) + rule.per_value * len(found)
        if spent > CHECK_NS_MAX or rule.fault(found) is not None:
            return False
    return True
