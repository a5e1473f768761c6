"""Findings about rules: each has operators that can be used here, and can hold for some value."""

from collections.abc import Iterator

from msgspec import UNSET

from placet.policy.checks.bounds import RuleAt, check_bounds
from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import Known
from placet.policy.finding import Finding
from placet.policy.model import Rule, ToolContract
from placet.policy.operators import operands, references
from placet.policy.text.tree import Steps


def check_rules(known: Known, *, with_patterns: bool) -> Iterator[Finding]:
    """Yield what is wrong with the operators of every tool."""
    for steps, tool in tools_of(known.contract):
        yield from _sames(steps, tool)
        for key, rules in rule_groups(tool):
            at = [RuleAt((*steps, *key, index), rule) for index, rule in enumerate(rules)]
            is_own = key == ("arguments",)
            for one in at:
                yield from _operators(one, is_own=is_own, with_patterns=with_patterns)
            if not known.is_denied(tool.tool):
                yield from check_bounds(at, known.schemas.get(tool.tool) if is_own else None)


def rule_groups(tool: ToolContract) -> Iterator[tuple[Steps, tuple[Rule, ...]]]:
    """Yield the rules that must hold together for one document, and their place in the tool."""
    yield ("arguments",), tool.arguments
    for index, requirement in enumerate(tool.requires):
        yield ("requires", index, "output"), requirement.output
    if tool.reconcile is not UNSET:
        yield ("reconcile", "succeeded_when"), tool.reconcile.succeeded_when
        yield ("reconcile", "failed_when"), tool.reconcile.failed_when


def _sames(steps: Steps, tool: ToolContract) -> Iterator[Finding]:
    for index, requirement in enumerate(tool.requires):
        for number, same in enumerate(requirement.same):
            if (same.theirs is UNSET) is (same.theirs_output is UNSET):
                here = (*steps, "requires", index, "same", number)
                message = "`same` names exactly one of `theirs` and `theirs_output`"
                hint = "`theirs` reads the arguments of the earlier call, the other its output"
                yield found("same_one_of", here, message, hint)


def _operators(at: RuleAt, *, is_own: bool, with_patterns: bool) -> Iterator[Finding]:
    """Yield a rule without an operator, and operators that cannot be used."""
    given, slots = dict(operands(at.rule)), dict(references(at.rule))
    if not given and not slots:
        yield found("rule_empty", at.steps, "the rule has no operator", "add one, or drop it")
    if "contains" in given and "[*]" in at.rule.path:
        message = "`contains` is not for a path with `[*]`"
        yield found("contains_many", (*at.steps, "contains"), message, "leave `[*]` out")
    for name in () if is_own else slots:
        message = f"`{name}` compares with a slot, which only `arguments` can"
        hint = "compare with a value, or move the rule to `arguments`"
        yield found("ref_not_here", (*at.steps, name), message, hint)
    if with_patterns and isinstance(pattern := given.get("matches"), str):
        yield from _pattern((*at.steps, "matches"), pattern)


def _pattern(steps: Steps, pattern: str) -> Iterator[Finding]:
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a pattern is used

    try:
        engine.compile_pattern(pattern)
    except engine.SchemaError as fault:
        hint = "no look-around, no back-references, few repetitions of repetitions"
        yield found("bad_pattern", steps, f"the pattern cannot be used: {fault}", hint)
