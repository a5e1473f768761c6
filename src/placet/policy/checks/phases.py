"""Findings about phases: each can be reached, left, and leads to an end."""

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET

from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import Known
from placet.policy.checks.reach import reachable
from placet.policy.finding import Finding
from placet.policy.model import Contract, Phase, ToolContract
from placet.policy.rulings import phases_of, target_of
from placet.policy.text.tree import Steps

_PHASES: Final[Steps] = ("session", "phases")
_ANY: Final = ""
"""Stands for an undeclared phase, which may be meant as any."""


def check_phases(known: Known) -> Iterator[Finding]:
    """Yield what is wrong with phases, transitions, and the phases that tools name."""
    contract = known.contract
    if not contract.session.phases:
        yield from _without_phases(contract)
        return
    yield from _declared(contract.session.phases)
    yield from _transitions(known)
    yield from _ways(contract)
    initial = {phase.name for phase in contract.session.phases if phase.initial}
    reached = reachable(contract, initial)
    for steps, tool in tools_of(contract):
        if tool.phases is not UNSET:
            yield from _valid_in(contract, (*steps, "phases", "valid_in"), tool, reached)
            yield from _advances(known, (*steps, "phases", "advances_to"), tool)


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
        name = (*steps, "name")
        if phase.name in seen:
            message, hint = f"the phase `{phase.name}` is declared twice", "keep one of them"
            yield found("phase_twice", name, message, hint, related=seen[phase.name])
        seen.setdefault(phase.name, name)
        if phase.initial and initial is not None:
            message, hint = f"`{phase.name}` is a second initial phase", "keep one of them"
            here = (*steps, "initial")
            yield found("phase_many_initial", here, message, hint, related=initial)
        if phase.initial and phase.terminal:
            message = f"`{phase.name}` ends the session that begins in it"
            hint = "a session begins in a phase in which calls are allowed"
            yield found("phase_initial_terminal", (*steps, "terminal"), message, hint)
        if phase.initial and initial is None:
            initial = (*steps, "initial")
    if initial is None:
        hint = "write `initial: true` at the phase that a session begins in"
        yield found("phase_no_initial", _PHASES, "no phase is initial", hint)
    if not any(phase.terminal for phase in phases):
        hint = "write `terminal: true` at the phase that ends a session"
        yield found("phase_no_terminal", _PHASES, "no phase is terminal", hint)


def _transitions(known: Known) -> Iterator[Finding]:
    contract = known.contract
    names = {phase.name for phase in contract.session.phases}
    made = {
        (name if name in names else _ANY, target if target is None or target in names else _ANY)
        for tool in known.callable
        for name in phases_of(contract, known.tools[tool]) or ()
        for target in (target_of(known.tools[tool]),)
    }
    hint = "declare it in `session.phases`, or mend the name"
    for name, targets in contract.session.transitions.items():
        steps = ("session", "transitions", name)
        if name not in names:
            yield found("phase_undeclared", steps, f"`{name}` is no declared phase", hint)
        for index, target in enumerate(targets):
            here = (*steps, index)
            if target not in names:
                yield found("phase_undeclared", here, f"`{target}` is no declared phase", hint)
            elif name == target or made.isdisjoint(_ways_of(name, target)):
                yield _unused(here, name, target)


def _ways_of(name: str, target: str) -> Iterator[tuple[str, str]]:
    """Yield a transition, and those that may be meant by one that names an undeclared phase."""
    yield from ((one, other) for one in (name, _ANY) for other in (target, _ANY))


def _unused(here: Steps, name: str, target: str) -> Finding:
    if name == target:
        message = f"staying in `{name}` needs no transition"
        return found("transition_unused", here, message, "take it out")
    message = f"no permitted tool makes the transition from `{name}` to `{target}`"
    hint = "take the transition out, or give a tool that `advances_to`"
    return found("transition_unused", here, message, hint)


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
            hint = "add a transition to it, or take the phase out"
            yield found("phase_unreachable", steps, message, hint)
        if terminal and not terminal & reachable(contract, {phase.name}):
            message = f"no transitions lead from `{phase.name}` to a terminal phase"
            hint = "add a transition that leads on, or write `terminal: true`"
            yield found("phase_stuck", steps, message, hint)


def _valid_in(
    contract: Contract, steps: Steps, tool: ToolContract, reached: set[str]
) -> Iterator[Finding]:
    phases = {phase.name: phase for phase in contract.session.phases}
    for index, name in enumerate(phases_of(contract, tool) or ()):
        here = (*steps, index)
        if name not in phases:
            hint = "declare it in `session.phases`, or mend the name"
            yield found("phase_undeclared", here, f"`{name}` is no declared phase", hint)
        elif phases[name].terminal:
            message = f"`{name}` is terminal: no call is allowed in it"
            yield found("valid_in_terminal", here, message, "take it out")
        elif reached and name not in reached:
            message, hint = f"`{name}` can never be reached", "add transitions that lead to it"
            yield found("valid_in_unreachable", here, message, hint)


def _advances(known: Known, here: Steps, tool: ToolContract) -> Iterator[Finding]:
    """Yield that a tool advances to no phase, or, where it is permitted, without a transition."""
    contract = known.contract
    target = target_of(tool)
    phases = {phase.name for phase in contract.session.phases}
    if target is None:
        return
    if target not in phases:
        hint = "declare it in `session.phases`, or mend the name"
        yield found("phase_undeclared", here, f"`{target}` is no declared phase", hint)
        return
    for name in phases_of(contract, tool) or ():
        declared = contract.session.transitions.get(name, ())
        is_open = name in phases and name != target and target not in declared
        if is_open and not known.is_denied(tool.tool):
            message = f"there is no transition from `{name}` to `{target}`"
            hint = f"add `{target}` to `session.transitions.{name}`"
            yield found("transition_undeclared", here, message, hint)
