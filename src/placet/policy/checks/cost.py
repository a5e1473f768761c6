"""Findings about what a contract costs: each tool's arguments can be checked in time."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import UNSET

from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import Known
from placet.policy.checks.rules import rule_groups
from placet.policy.cost import (
    effect_cost,
    is_too_costly,
    output_cost,
    references_cost,
    rules_cost,
    values_cost,
)
from placet.policy.finding import Finding
from placet.policy.model import Contract, Rule, ToolContract
from placet.policy.operators import Operator, Pattern, load_references, operators
from placet.policy.schemas.cost import Cost
from placet.policy.text.tree import Steps

PATTERNS_MAX: Final = 500
"""Patterns of one contract, in rules and schemas: each is compiled several times to be measured."""


CONDITIONS_MAX: Final = 100_000
"""Characters of all conditions of a contract that differ: to compile them takes about a second."""


def check_patterns(contract: Contract) -> Iterator[Finding]:
    """Yield that a contract has more patterns than are compiled; then none of them should be."""
    rules = [rule for tool in contract.tools for _, group in rule_groups(tool) for rule in group]
    count = sum(rule.matches is not UNSET for rule in rules)
    count += sum(_patterns_in(tool.input_schema) for tool in contract.tools)
    if count > PATTERNS_MAX:
        message = f"the contract has {count:,} patterns; at most {PATTERNS_MAX} are taken"
        yield found("patterns_many", (), message, "share work between several agents")


def check_condition_texts(contract: Contract) -> Iterator[Finding]:
    """Yield that a contract has more text in conditions than is compiled."""
    total = sum(len(text) for text in {it.when for it in contract.tools if it.when is not UNSET})
    if total > CONDITIONS_MAX:
        message = f"the conditions have {total:,} characters; at most {CONDITIONS_MAX:,} are taken"
        yield found("conditions_many", (), message, "write shorter conditions, or share them")


def check_costs(known: Known, schemas: Mapping[Steps, Cost]) -> Iterator[Finding]:
    """Yield each tool of which even a small call could not be checked in time.

    `schemas` has what each usable schema can take, by its tool's place.
    """
    session = known.contract.session
    values = Counter(aggregate.tool for aggregate in session.aggregates)
    values.update(envelope.tool for envelope in session.envelopes)
    for steps, tool in tools_of(known.contract):
        try:
            cost = _cost(tool, values[tool.tool])
        except ValueError:
            continue  # what cannot be read is told where it stands
        if is_too_costly(cost.plus(schemas.get(steps, Cost()))):
            message = f"checking a small call of `{tool.tool}` could take too long"
            hint = "use fewer branches in the schema, smaller patterns, shorter lists of values"
            yield found("too_costly", steps, message, hint)


def _cost(tool: ToolContract, values: int) -> Cost:
    """Return what all but the schema can take; the session's rules read so many `values`."""
    outputs = [rule for requirement in tool.requires for rule in requirement.output]
    references = [one for rule in tool.arguments for one in load_references(rule, "")]
    total = rules_cost(_loaded(tool.arguments)).plus(output_cost(_loaded(tuple(outputs))))
    total = total.plus(effect_cost(len(tool.effect_key))).plus(references_cost(references))
    total = total.plus(values_cost(values + len(tool.volatile)))
    total = total.plus(effect_cost(sum(len(one.same) for one in tool.requires)))
    if tool.when is not UNSET:
        from placet.policy.conditions import compile_condition  # noqa: PLC0415 -- only where one is

        total = total.plus(compile_condition(tool.when).cost)
    return total


def _loaded(rules: tuple[Rule, ...]) -> Iterator[Operator]:
    for rule in rules:
        yield from operators(rule, "", _pattern)


def _pattern(pattern: str) -> Pattern:
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a pattern is used

    return engine.compile_pattern(pattern)


def _patterns_in(schema: object) -> int:
    match schema:
        case dict():
            count = int(isinstance(schema.get("pattern"), str))
            inner = schema.get("patternProperties")
            count += len(inner) if isinstance(inner, dict) else 0
            return count + sum(map(_patterns_in, schema.values()))
        case list():
            return sum(map(_patterns_in, schema))
    return 0
