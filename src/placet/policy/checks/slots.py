"""Findings about slots: each is declared, bound by some tool, and bound before it is read."""

from collections.abc import Iterator

from placet.policy.checks.found import found, short, tools_of
from placet.policy.checks.known import Known
from placet.policy.checks.reach import Reach, can_bind
from placet.policy.finding import Finding
from placet.policy.model import BoundFrom, CommitRequirement, ToolContract
from placet.policy.operators import references
from placet.policy.text.tree import Steps

_DECLARE = "declare it in `session.bindings`, or mend the name"


def check_slots(known: Known, reach: Reach) -> Iterator[Finding]:
    """Yield what is wrong with bindings, with `binds`, and with the operators on slots."""
    yield from _bindings(known)
    for steps, tool in tools_of(known.contract):
        yield from _binds(steps, tool, known.slots)
        for index, rule in enumerate(tool.arguments):
            for name, slot in references(rule):
                fault = slot_fault(known, reach, tool.tool, slot)
                if fault is not None:
                    code, message, hint = fault
                    yield found(code, (*steps, "arguments", index, name), message, hint)


def slot_fault(known: Known, reach: Reach, tool: str, slot: str) -> tuple[str, str, str] | None:
    """Return the code, the fault and a hint where a slot cannot be read before a tool."""
    if slot not in known.slots:
        code = "slot_undeclared"
        return code, f"the slot `{short(slot)}` is not declared", _DECLARE
    if known.is_denied(tool) or reach.bound.get(slot, 0) & reach.valid[tool]:
        return None
    code = "ref_never_bound"
    message = f"no permitted tool can have bound `{slot}` before `{tool}`"
    return code, message, "let a tool that can be called earlier bind it"


def _bindings(known: Known) -> Iterator[Finding]:
    bound = {slot for name in known.callable for slot in can_bind(known.tools[name])}
    for index, binding in enumerate(known.contract.session.bindings):
        if binding.slot not in bound:
            here = ("session", "bindings", index, "slot")
            message = f"no permitted tool binds `{binding.slot}`"
            hint = "let a tool bind it, or take the binding out"
            yield found("slot_never_bound", here, message, hint)


def _binds(steps: Steps, tool: ToolContract, declared: frozenset[str]) -> Iterator[Finding]:
    is_uncommitted = tool.commit_requirement is CommitRequirement.NONE
    for index, bind in enumerate(tool.binds):
        here = (*steps, "binds", index)
        if bind.slot not in declared:
            message = f"the slot `{bind.slot}` is not declared"
            yield found("slot_undeclared", (*here, "slot"), message, _DECLARE)
        if bind.source is BoundFrom.OUTPUT and is_uncommitted:
            message = "a tool with `commit_requirement: none` has no output to bind from"
            hint = "write `commit_requirement: acknowledged`, or bind from the arguments"
            yield found("bind_uncommitted", (*here, "from"), message, hint)
