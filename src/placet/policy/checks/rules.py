"""Findings about rules: each names a path that is there, and can hold for some value."""

import dataclasses
from collections.abc import Iterator

from msgspec import UNSET

from placet.policy.checks.bounds import RuleAt, check_bounds
from placet.policy.checks.found import found, tools_of
from placet.policy.finding import Finding
from placet.policy.model import Contract, ToolContract
from placet.policy.operators import operands
from placet.policy.paths import PathError, parse_path
from placet.policy.rulings import is_permitted
from placet.policy.schemas.paths import SchemaPaths
from placet.policy.text.tree import Steps


@dataclasses.dataclass(frozen=True, slots=True)
class _PathAt:
    """A path of the contract: where it stands, and the schema that it reads, if there is one."""

    steps: Steps
    text: str
    schema: SchemaPaths | None
    tool: str
    may_be_many: bool = True


def check_rules(contract: Contract) -> Iterator[Finding]:
    """Yield what is wrong with the paths, patterns and operators of every tool."""
    schemas = {
        tool.tool: SchemaPaths(tool.input_schema)
        for tool in contract.tools
        if tool.input_schema is not UNSET
    }
    for steps, tool in tools_of(contract):
        for path in _paths(steps, tool, schemas):
            yield from _path(path)
        yield from _sames(steps, tool)
        for rules in _rule_groups(steps, tool):
            yield from _operators(rules)
            if is_permitted(contract, tool):
                is_own = rules[0].steps[2] == "arguments"
                yield from check_bounds(rules, schemas.get(tool.tool) if is_own else None)


def _paths(steps: Steps, tool: ToolContract, schemas: dict[str, SchemaPaths]) -> Iterator[_PathAt]:
    own = schemas.get(tool.tool)
    for index, rule in enumerate(tool.arguments):
        yield _PathAt((*steps, "arguments", index, "path"), rule.path, own, tool.tool)
    for key in ("effect_key", "redact", "volatile"):
        texts: tuple[str, ...] = getattr(tool, key)
        for index, text in enumerate(texts):
            yield _PathAt((*steps, key, index), text, own, tool.tool)
    for index, requirement in enumerate(tool.requires):
        here = (*steps, "requires", index)
        theirs = schemas.get(requirement.tool)
        for number, rule in enumerate(requirement.output):
            yield _PathAt((*here, "output", number, "path"), rule.path, None, requirement.tool)
        for number, same in enumerate(requirement.same):
            at = (*here, "same", number)
            yield _PathAt((*at, "ours"), same.ours, own, tool.tool, may_be_many=False)
            if same.theirs is not UNSET:
                yield _PathAt(
                    (*at, "theirs"), same.theirs, theirs, requirement.tool, may_be_many=False
                )
            if same.theirs_output is not UNSET:
                text = same.theirs_output
                yield _PathAt(
                    (*at, "theirs_output"), text, None, requirement.tool, may_be_many=False
                )


def _path(at: _PathAt) -> Iterator[Finding]:
    try:
        path = parse_path(at.text)
    except PathError as fault:
        yield found("bad_path", at.steps, f"`{at.text[:100]}` is no path: {fault}")
        return
    if path.is_many and not at.may_be_many:
        yield found("path_many", at.steps, "`same` compares one value with one: no `[*]` here")
    if at.schema is not None and not at.schema.leaves(path.parts):
        message = f"the schema of `{at.tool}` has no `{path.text}`"
        yield found("path_not_in_schema", at.steps, message, "mend the path or the schema")


def _rule_groups(steps: Steps, tool: ToolContract) -> Iterator[list[RuleAt]]:
    """Yield the rules that must hold together for one document."""
    groups = [((*steps, "arguments"), tool.arguments)]
    for index, requirement in enumerate(tool.requires):
        groups.append(((*steps, "requires", index, "output"), requirement.output))
    for here, rules in groups:
        if rules:
            yield [RuleAt((*here, index), rule) for index, rule in enumerate(rules)]


def _sames(steps: Steps, tool: ToolContract) -> Iterator[Finding]:
    for index, requirement in enumerate(tool.requires):
        for number, same in enumerate(requirement.same):
            if (same.theirs is UNSET) is (same.theirs_output is UNSET):
                here = (*steps, "requires", index, "same", number)
                message = "`same` names exactly one of `theirs` and `theirs_output`"
                yield found("same_one_of", here, message)


def _operators(rules: list[RuleAt]) -> Iterator[Finding]:
    """Yield rules without an operator, and operators that cannot be used."""
    for at in rules:
        given = dict(operands(at.rule))
        if not given:
            yield found("rule_empty", at.steps, "the rule has no operator", "add one, or drop it")
        if "contains" in given and "[*]" in at.rule.path:
            message = "`contains` is not for a path with `[*]`"
            yield found("contains_many", (*at.steps, "contains"), message)
        if isinstance(pattern := given.get("matches"), str):
            yield from _pattern((*at.steps, "matches"), pattern)


def _pattern(steps: Steps, pattern: str) -> Iterator[Finding]:
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a pattern is used

    try:
        engine.compile_pattern(pattern)
    except engine.SchemaError as fault:
        hint = "no look-around, no back-references, few repetitions of repetitions"
        yield found("bad_pattern", steps, f"the pattern cannot be used: {fault}", hint)
