"""Findings about conditions: each can be read, says something, and names what is there."""

from collections.abc import Iterator, Mapping

from msgspec import UNSET

from placet.policy.cel.given import reads
from placet.policy.cel.tree import Tree
from placet.policy.checks.found import found, short, tools_of
from placet.policy.checks.known import Known
from placet.policy.checks.reach import Reach
from placet.policy.checks.reading import Use, phases_in, uses_of
from placet.policy.checks.slots import slot_fault
from placet.policy.finding import Finding
from placet.policy.model import ToolContract
from placet.policy.paths import path_text
from placet.policy.text.tree import Steps


def check_conditions(known: Known, reach: Reach, trees: Mapping[str, Tree]) -> Iterator[Finding]:
    """Yield what is wrong with the text of each `when`, at the `when` that it stands in.

    `trees` has those that can be used, by tool.
    """
    for steps, tool in tools_of(known.contract):
        if tool.when is UNSET:
            continue
        here = (*steps, "when")
        is_first = known.tools[tool.tool] is tool
        if is_first and tool.tool in trees:
            yield from _names(known, reach, here, tool, trees[tool.tool])
        else:
            yield from _text(here, tool.when)


def _text(here: Steps, text: str) -> Iterator[Finding]:
    from placet.policy.conditions import check_condition  # noqa: PLC0415 -- only where one is

    for fault in check_condition(text):
        message = (
            f"the condition cannot be used, at its line {fault.line}, column {fault.column}: "
            f"{fault.message}"
        )
        hint = "a condition is one CEL expression that is true or false"
        yield found("bad_condition", here, message, hint)


def _names(
    known: Known, reach: Reach, here: Steps, tool: ToolContract, tree: Tree
) -> Iterator[Finding]:
    """Yield that a condition reads nothing, or what is not there to be read: each name once."""
    assert tool.when is not UNSET  # noqa: S101 -- it has a tree
    if not reads(tree.root):
        message = "the condition reads nothing, so it is always the same"
        hint = "take it out, or compare what is given; `decision: deny` forbids a tool"
        yield found("condition_constant", here, message, hint)
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for use in uses_of(tree.root):
        names = use.names[:1] if use.variable == "slots" else use.names
        if (use.variable, names) not in seen:
            seen.add((use.variable, names))
            fault = _fault(known, reach, tool.tool, use)
            if fault is not None:
                code, message, hint = fault
                yield found(code, here, f"{message}{_at(tool.when, tree, use.number)}", hint)
    yield from _phases(known, here, tool.when, tree)


def _fault(known: Known, reach: Reach, tool: str, use: Use) -> tuple[str, str, str] | None:
    """Return the code, the fault and a hint for a name that leads to nothing."""
    if use.variable == "slots":
        return slot_fault(known, reach, tool, use.names[0])
    schema = known.schemas.get(tool)
    if use.variable != "args" or schema is None or schema.leaves(use.names):
        return None
    code = "path_not_in_schema"
    message = f"the schema of `{tool}` has no `{short(path_text(use.names))}`"
    return code, message, "mend the condition or the schema"


def _phases(known: Known, here: Steps, text: str, tree: Tree) -> Iterator[Finding]:
    names = {phase.name for phase in known.contract.session.phases} or {""}
    seen = set(names)
    for name, number in phases_in(tree.root):
        if name not in seen:
            seen.add(name)
            message = f"`{short(name)}` is no declared phase{_at(text, tree, number)}"
            hint = "declare it in `session.phases`, or mend the name"
            yield found("phase_undeclared", here, message, hint)


def _at(text: str, tree: Tree, number: int) -> str:
    before = text[: tree.offset(number)]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    return f": the condition's line {line}, column {column}"
