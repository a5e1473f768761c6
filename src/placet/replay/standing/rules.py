"""Which asks of a response standing grants answer: pure functions."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.canonical import canonical
from placet.kernel.foreign import Json
from placet.kernel.hashing import digest
from placet.policy.cost import CHECK_NS_MAX, text_ns
from placet.policy.decision import Ask
from placet.policy.evaluate import evaluate_response
from placet.policy.facts import Call, Facts
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import Checkpoint, Gate, Rule
from placet.policy.operators import Operator, Pattern, operators
from placet.policy.paths import select
from placet.policy.response import ResponseDecision
from placet.replay.standing.model import StandingFact

RULES_KEPT: Final = 1_024
_RULES: Final = msgspec.json.Decoder(tuple[Rule, ...])


def checkpoint_hash(checkpoint: Checkpoint) -> str:
    """Return the hash of whom a contract asks, which a standing grant names, in hex."""
    return digest("checkpoint", canonical(checkpoint)).hex()


def schema_hash(tool: LoadedTool) -> str | None:
    """Return the hash of a tool's schema in hex, None where it has none."""
    return None if tool.schema_hash is None else tool.schema_hash.hex()


@lru_cache(maxsize=RULES_KEPT)
def load_rules(text: str) -> tuple[Operator, ...]:
    """Return the operators of the rules in a standing grant. Raises `ValueError` for bad ones."""
    return tuple(
        operator
        for index, rule in enumerate(_RULES.decode(text))
        for operator in operators(rule, f"arguments[{index}]", _compile_pattern)
    )


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


def _compile_pattern(pattern: str) -> Pattern:
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a pattern is used

    return engine.compile_pattern(pattern)
