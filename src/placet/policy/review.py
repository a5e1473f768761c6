"""The review projection: every rule as a sentence, for people who say yes or no to it."""

from collections.abc import Iterator

from msgspec import UNSET

from placet.policy.model import Contract, Requirement, Rule, ToolContract
from placet.policy.operators import operands, says
from placet.policy.paths import parse_path
from placet.policy.rulings import (
    checkpoint_of,
    is_start_required,
    phases_of,
    ruling_of,
    target_of,
)


def review_document(contract: Contract) -> dict[str, object]:
    """Return every rule of a contract: where it stands, in which layer it acts, what it says."""
    session = contract.session
    rules = [
        _line(
            "session.gate", None, f"a response with refused calls is handled by `{session.gate}`"
        ),
        _line(
            "session.unmatched_tools", 3, f"a tool without a contract: {session.unmatched_tools}"
        ),
    ]
    for tool in contract.tools:
        rules += (line | {"tool": tool.tool} for line in _tool_lines(contract, tool))
    return {"agent": contract.agent, "rules": rules}


def _line(rule: str, layer: int | None, text: str) -> dict[str, object]:
    return {"rule": rule, "layer": layer, "says": text}


def _tool_lines(contract: Contract, tool: ToolContract) -> Iterator[dict[str, object]]:
    place = f"tools.{tool.tool}"
    ruling, ruling_rule = ruling_of(contract, tool)
    yield _line(ruling_rule, 3, f"a {tool.side_effect} tool: {ruling}")
    valid_in = phases_of(contract, tool)
    if valid_in is not None:
        yield _line(f"{place}.phases", 4, f"may be called in {_names(valid_in)}")
    if (target := target_of(tool)) is not None:
        yield _line(f"{place}.phases.advances_to", 4, f"its commit leads to `{target}`")
    for index, other in enumerate(tool.forbidden_after):
        yield _line(f"{place}.forbidden_after[{index}]", 4, f"not after a call of `{other}`")
    for index, requirement in enumerate(tool.requires):
        yield _line(f"{place}.requires[{index}]", 5, _requirement(requirement))
    if tool.input_schema is not UNSET:
        yield _line(f"{place}.input_schema", 6, "the arguments fit the tool's schema")
    for index, rule in enumerate(tool.arguments):
        yield from _rule_lines(rule, f"{place}.arguments[{index}]")
    if tool.effect_key:
        paths = _names(tool.effect_key)
        yield _line(f"{place}.effect_key", 8, f"takes effect once for each value of {paths}")
    checkpoint = checkpoint_of(tool, ruling)
    if checkpoint is not None:
        people = " and ".join(f"{group.count} {group.role}" for group in checkpoint.all_of)
        wait = f"within {checkpoint.expires_seconds} s"
        yield _line(f"{place}.checkpoint", 11, f"{people} must say yes {wait}, or it is a no")
    if is_start_required(tool):
        yield _line(f"{place}.start", None, "its grant is redeemed just before the tool runs")


def _rule_lines(rule: Rule, place: str) -> Iterator[dict[str, object]]:
    path = parse_path(rule.path)
    for name, operand in operands(rule):
        yield _line(f"{place}.{name}", 6, says(path, name, operand))


def _requirement(requirement: Requirement) -> str:
    parts = [f"a committed call of `{requirement.tool}`"]
    parts += (f"with the same {_same(same.ours)}" for same in requirement.same)
    for rule in requirement.output:
        path = parse_path(rule.path)
        parts += (f"whose output {says(path, *operand)}" for operand in operands(rule))
    if requirement.within_seconds is not UNSET:
        parts.append(f"at most {requirement.within_seconds} s ago")
    return ", ".join(parts)


def _same(path: str) -> str:
    return f"`{parse_path(path).text}`"


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
