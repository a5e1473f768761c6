"""What some calls can see of another one's commit, so that commits alike to them are tried once."""

import json
from collections.abc import Sequence

from placet.policy.facts import Call, Facts
from placet.policy.hashes import principal_digest
from placet.policy.holding import Holding
from placet.policy.ledger import Ledger
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.model import AggregateScope
from placet.policy.simulation.candidates import Candidate
from placet.policy.simulation.imagined import holding_of


class Sight:
    """What the rules of some calls look at: their own tools, required tools, and slots."""

    def __init__(self, policy: Policy, calls: Sequence[Call]) -> None:
        """Look through the rules of these calls' tools."""
        found = {call.tool: policy.tools.get(call.tool) for call in calls}
        tools = [tool for tool in found.values() if tool is not None]
        self._policy = policy
        self._names = frozenset(found)
        self._required = {one.tool for tool in tools for one in tool.requires}
        self._slots = {one.slot for tool in tools for one in tool.references}
        self._is_any_slot = any(tool.condition is not None for tool in tools)

    def is_own(self, tool: str) -> bool:
        """Say whether amounts and effect keys of a tool are of any interest."""
        return tool in self._names

    def mark(
        self, tool: LoadedTool, ledger: Ledger, facts: Facts, candidate: Candidate
    ) -> tuple[object, ...]:
        """Return what the commits of two calls share only where they are alike to these calls."""
        granted = ledger.calls.get(candidate.call_id)
        parts: list[object] = [
            tool.name,
            granted is None and candidate.step in ledger.steps,
            granted is None or granted.holding.phase == facts.phase,
            granted is None,
        ]
        is_own, is_shown = tool.name in self._names, tool.name in self._required
        slots = [
            position
            for position, bind in enumerate(tool.binds)
            if self._is_any_slot or bind.slot in self._slots
        ]
        if is_own or is_shown or slots:
            holding = holding_of(self._policy, ledger, candidate)
            if is_own:
                parts += _own(tool, holding, facts, candidate)
            if is_shown:
                parts.append(_shown(holding, candidate))
            if slots:
                bound = _bound(holding, candidate)
                parts += [bound.get(slot) for slot in slots]
        return tuple(parts)


def _own(tool: LoadedTool, holding: Holding, facts: Facts, candidate: Candidate) -> list[object]:
    return [
        is_same_principal(tool, facts, candidate),
        holding.effect_key,
        holding.repeat,
        tuple(holding.amounts.items()),
        tuple(holding.firsts.items()),
    ]


def is_same_principal(tool: LoadedTool, facts: Facts, candidate: Candidate) -> bool:
    """Say whether all that a call gives to aggregates counts for the facts' principal too."""
    if not any(one.scope is AggregateScope.PRINCIPAL for one in tool.aggregates):
        return True
    return principal_digest(facts.principal) == principal_digest(candidate.principal)


def _shown(holding: Holding, candidate: Candidate) -> str:
    if candidate.shown is None:
        output = None if candidate.output is None else candidate.output.kept
        candidate.shown = json.dumps([holding.arguments, output], sort_keys=True)
    return candidate.shown


def _bound(holding: Holding, candidate: Candidate) -> dict[int, str]:
    """Return the values that a commit leaves in slots, as their texts: 1 and 1.0 are two."""
    if candidate.bound is None:
        values = holding.slots
        if candidate.output is not None:
            values = values | candidate.output.slots
        candidate.bound = {
            position: json.dumps(value, sort_keys=True) for position, value in values.items()
        }
    return candidate.bound
