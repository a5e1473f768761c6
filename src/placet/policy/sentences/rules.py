"""Rules on arguments and outputs as sentences."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from placet.policy.model import Requirement, Rule, Same
from placet.policy.operators import REF, load_references, operands, says
from placet.policy.paths import parse_path
from placet.policy.sentences.line import Line, path

_REFERENCES: Final = tuple(name for name in Rule.__struct_fields__ if name.endswith(REF))


def rule_lines(
    rule: Rule, place: str, layer: int | None, tool: str, subject: str = ""
) -> Iterator[Line]:
    """Yield a line for each operator; those that compare with a slot act in layer 8."""
    for name, text in wanted(rule):
        where = f"{place}.{name}" if name else place
        acts = 8 if name.endswith(REF) else layer
        yield Line(rule=where, layer=acts, says=f"{subject}{text}", tool=tool)


def wanted(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield each operator of a rule and what it wants; one without any has the empty name."""
    place = parse_path(rule.path)
    found = [(name, says(place, name, it, is_whole=True)) for name, it in operands(rule)]
    if any(getattr(rule, name) is not UNSET for name in _REFERENCES):
        found += [(f"{one.name}{REF}", one.needs) for one in load_references(rule, "")]
    yield from found or [("", f"asks nothing of `{place.text}`")]


def requirement_says(requirement: Requirement) -> str:
    """Return what one requirement wants of an earlier call."""
    parts = [f"a committed call of `{requirement.tool}`"]
    parts += (_same(same) for same in requirement.same)
    for rule in requirement.output:
        parts += (f"whose output has: {text}" for _, text in wanted(rule))
    if requirement.within_seconds is not UNSET:
        parts.append(f"at most {requirement.within_seconds} s ago")
    return ", ".join(parts)


def _same(same: Same) -> str:
    parts = []
    if same.theirs is not UNSET:
        parts.append(f"{path(same.theirs)} of its arguments")
    if same.theirs_output is not UNSET:
        parts.append(f"{path(same.theirs_output)} of its output")
    return f"with {' and '.join(parts)} the same as {path(same.ours)} of this call"
