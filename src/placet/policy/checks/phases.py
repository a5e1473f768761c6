"""Findings about phases: each can be reached, left, and leads to an end."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from placet.policy.checks.found import found, tools_of
from placet.policy.finding import Finding
from placet.policy.model import Contract, Phase, ToolContract
from placet.policy.rulings import is_permitted, phases_of, target_of
from placet.policy.text.tree import Steps

_PHASES: Final[Steps] = ("session", "phases")


def check_phases(contract: Contract) -> Iterator[Finding]:
    """Yield what is wrong with phases, transitions, and the phases that tools name."""
    if not contract.session.phases:
        yield from _without_phases(contract)
        return
    yield from _declared(contract.session.phases)
    yield from _transitions(contract)
    yield from _ways(contract)
    initial = {phase.name for phase in contract.session.phases if phase.initial}
    reached = reachable(contract, initial)
    for steps, tool in tools_of(contract):
        if tool.phases is not UNSET:
            yield from _tool(contract, steps, tool, reached)


def reachable(contract: Contract, starts: set[str]) -> set[str]:
    """Return the phases that can be reached from `starts` by transitions, these included."""
    seen: set[str] = set()
    ahead = list(starts)
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += contract.session.transitions.get(name, ())
    return seen


def _without_phases(contract: Contract) -> Iterator[Finding]:
    hint = "declare the phases in `session.phases`"
    for name in contract.session.transitions:
        message = f"`{name}` is no declared phase"
        yield found("phase_undeclared", ("session", "transitions", name), message, hint)
    for steps, tool in tools_of(contract):
        if tool.phases is not UNSET:
            message = f"`{tool.tool}` names phases, and the contract has none"
            yield found("phases_without_phases", (*steps, "phases"), message, hint)


def _declared(phases: tuple[Phase, ...]) -> Iterator[Finding]:
    seen: dict[str, Steps] = {}
    initial: Steps | None = None
    for index, phase in enumerate(phases):
        steps = (*_PHASES, index)
        if phase.name in seen:
            message = f"the phase `{phase.name}` is declared twice"
            yield found("phase_twice", steps, message, related=seen[phase.name])
        seen.setdefault(phase.name, steps)
        if phase.initial and initial is not None:
            message = f"`{phase.name}` is a second initial phase"
            yield found("phase_many_initial", steps, message, related=initial)
        if phase.initial and initial is None:
            initial = steps
    if initial is None:
        hint = "write `initial: true` at the phase that a session begins in"
        yield found("phase_no_initial", _PHASES, "no phase is initial", hint)
    if not any(phase.terminal for phase in phases):
        hint = "write `terminal: true` at the phase that ends a session"
        yield found("phase_no_terminal", _PHASES, "no phase is terminal", hint)


def _transitions(contract: Contract) -> Iterator[Finding]:
    names = {phase.name for phase in contract.session.phases}
    made = {
        (name, target_of(tool))
        for tool in contract.tools
        if is_permitted(contract, tool)
        for name in phases_of(contract, tool) or ()
    }
    for name, targets in contract.session.transitions.items():
        steps: Steps = ("session", "transitions", name)
        if name not in names:
            yield found("phase_undeclared", steps, f"`{name}` is no declared phase")
        for index, target in enumerate(targets):
            here = (*steps, index)
            if target not in names:
                yield found("phase_undeclared", here, f"`{target}` is no declared phase")
            elif name == target or (name, target) not in made:
                message = f"no permitted tool makes the transition from `{name}` to `{target}`"
                hint = "take the transition out, or give a tool that `advances_to`"
                yield found("transition_unused", here, message, hint)


def _ways(contract: Contract) -> Iterator[Finding]:
    """Yield phases that no way leads to, and phases that no way leads on from to an end."""
    phases = contract.session.phases
    reached = reachable(contract, {phase.name for phase in phases if phase.initial})
    terminal = {phase.name for phase in phases if phase.terminal}
    has_initial = any(phase.initial for phase in phases)
    for index, phase in enumerate(phases):
        steps = (*_PHASES, index)
        if has_initial and phase.name not in reached:
            message = f"no transitions lead from the initial phase to `{phase.name}`"
            yield found("phase_unreachable", steps, message)
        if terminal and not terminal & reachable(contract, {phase.name}):
            message = f"no transitions lead from `{phase.name}` to a terminal phase"
            yield found("phase_stuck", steps, message)


def _tool(
    contract: Contract, steps: Steps, tool: ToolContract, reached: set[str]
) -> Iterator[Finding]:
    phases = {phase.name: phase for phase in contract.session.phases}
    for index, name in enumerate(phases_of(contract, tool) or ()):
        here = (*steps, "phases", "valid_in", index)
        if name not in phases:
            yield found("phase_undeclared", here, f"`{name}` is no declared phase")
        elif phases[name].terminal:
            message = f"`{name}` is terminal: no call is allowed in it"
            yield found("valid_in_terminal", here, message)
        elif reached and name not in reached:
            yield found("valid_in_unreachable", here, f"`{name}` can never be reached")
    target = target_of(tool)
    if target is None:
        return
    here = (*steps, "phases", "advances_to")
    if target not in phases:
        yield found("phase_undeclared", here, f"`{target}` is no declared phase")
        return
    for name in phases_of(contract, tool) or ():
        declared = contract.session.transitions.get(name, ())
        if name in phases and name != target and target not in declared:
            message = f"there is no transition from `{name}` to `{target}`"
            hint = f"add `{target}` to `session.transitions.{name}`"
            yield found("transition_undeclared", here, message, hint)
