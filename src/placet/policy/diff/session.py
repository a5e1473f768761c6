"""What holds for a session as a whole: the gate, the phases and the ways between them."""

from collections.abc import Iterator
from typing import Final

from placet.kernel.foreign import Json
from placet.policy.diff.change import At, Change, Said, members, neutral, ranked, undecided
from placet.policy.model import Contract, Gate, Phase, Ruling, SessionRules
from placet.policy.text.tree import Steps

RANKS: Final = {Ruling.DENY: 0, Ruling.ASK: 1, Ruling.ALLOW: 2}
"""Rulings by how much they let pass."""

_GATES: Final = {Gate.REJECT_ALL: 0, Gate.STRIP_PARTIAL: 1, Gate.STRIP_BLOCKED: 1}
_HERE: Final = ("session",)
_PHASES: Final = At(layer=4)


def session_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Yield what changed in the gate, for tools without a contract, and in the phases."""
    if old.agent != new.agent:
        agents = (Said(steps=("agent",), value=one.agent, says=one.agent) for one in (old, new))
        yield from undecided(At(), *agents)
    was, now = old.session, new.session
    if was.gate is not now.gate:
        gates = (_gate(was), _gate(now))
        more = _GATES[now.gate] - _GATES[was.gate]
        yield from ranked(At(), *gates, more=more) if more else neutral(At(), *gates)
    more = RANKS[now.unmatched_tools] - RANKS[was.unmatched_tools]
    yield from ranked(At(layer=3), _unmatched(was), _unmatched(now), more=more)
    yield from _default_changes(old, new)
    yield from _phase_changes(old, new)
    yield from members(_PHASES, _ways(was), _ways(now), more_is_wider=True)


def _gate(session: SessionRules) -> Said:
    says = f"a response with refused calls is handled by `{session.gate}`"
    return Said(steps=(*_HERE, "gate"), value=str(session.gate), says=says)


def _unmatched(session: SessionRules) -> Said:
    ruling = str(session.unmatched_tools)
    says = f"a tool without a contract: {ruling}"
    return Said(steps=(*_HERE, "unmatched_tools"), value=ruling, says=says)


def _default_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Yield defaults that no tool takes; what others mean is told of each tool."""
    taken = {tool.side_effect for contract in (old, new) for tool in contract.tools}
    was, now = old.session.risk_defaults, new.session.risk_defaults
    for side_effect in sorted((was.keys() | now.keys()) - taken):
        before, after = (one.get(side_effect, Ruling.DENY) for one in (was, now))
        if before is not after:
            steps = (*_HERE, "risk_defaults", str(side_effect))
            what = f"side effect `{side_effect}`, of which there is no tool"
            said = (
                Said(steps=steps, value=str(one), says=f"{what}: {one}") for one in (before, after)
            )
            yield from neutral(At(layer=3), *said)


def _phase_changes(old: Contract, new: Contract) -> Iterator[Change]:
    was = {phase.name: index for index, phase in enumerate(old.session.phases)}
    now = {phase.name: index for index, phase in enumerate(new.session.phases)}
    for name, index in now.items():
        after = _phase(new, index)
        if name not in was:
            yield from neutral(_PHASES, None, after)
            continue
        is_over = old.session.phases[was[name]].terminal
        more = is_over - new.session.phases[index].terminal
        yield from ranked(_PHASES, _phase(old, was[name]), after, more=more)
    for name, index in was.items():
        if name not in now:
            targets = {tool.phases.advances_to for tool in new.tools if tool.phases}
            told = undecided if name in targets else neutral
            yield from told(_PHASES, _phase(old, index), None)
    first, first_now = _initial(old), _initial(new)
    if (first and first.value) != (first_now and first_now.value):
        yield from undecided(_PHASES, first, first_now)


def _phase(contract: Contract, index: int) -> Said:
    phase = contract.session.phases[index]
    kind = "a terminal phase" if phase.terminal else "a phase"
    steps = (*_HERE, "phases", index)
    return Said(steps=steps, value=_value(phase), says=f"`{phase.name}` is {kind}")


def _value(phase: Phase) -> Json:
    return {"name": phase.name, "terminal": phase.terminal}


def _initial(contract: Contract) -> Said | None:
    for index, phase in enumerate(contract.session.phases):
        if phase.initial:
            steps = (*_HERE, "phases", index, "initial")
            return Said(steps=steps, value=phase.name, says=f"a session begins in `{phase.name}`")
    return None


def _ways(session: SessionRules) -> dict[object, Said]:
    ways: dict[object, Said] = {}
    for name, targets in sorted(session.transitions.items()):
        for index, target in enumerate(targets):
            steps: Steps = (*_HERE, "transitions", name, index)
            says = f"from `{name}` a session may go to `{target}`"
            ways[name, target] = Said(steps=steps, value=f"{name} -> {target}", says=says)
    return ways
