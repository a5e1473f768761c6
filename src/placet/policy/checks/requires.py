"""Findings about `requires`: each can be met by some session."""

import dataclasses
from collections.abc import Iterator

from placet.policy.checks.found import found, tools_of
from placet.policy.checks.phases import reachable
from placet.policy.finding import Finding
from placet.policy.model import CommitRequirement, Contract, ToolContract
from placet.policy.rulings import is_permitted, phases_of, target_of
from placet.policy.text.tree import Steps


@dataclasses.dataclass(frozen=True, slots=True)
class _Known:
    """What is worked out once.

    `meetable` are the tools that can ever commit, `cycles` the pairs of which the first requires
    the second and the second, directly or not, the first. `after` has the phases that a session
    can be in after a commit of a tool, or None without phases.
    """

    tools: dict[str, ToolContract]
    meetable: set[str]
    cycles: set[tuple[str, str]]
    after: dict[str, set[str] | None]


def check_requires(contract: Contract) -> Iterator[Finding]:
    """Yield the requirements that no session can meet."""
    known = _known(contract)
    for steps, tool in tools_of(contract):
        if not is_permitted(contract, tool):
            continue
        for index, requirement in enumerate(tool.requires):
            here = (*steps, "requires", index, "tool")
            needed = known.tools.get(requirement.tool)
            if needed is None:
                message = f"`{requirement.tool}` has no contract, so it never commits"
                yield found("requires_absent", here, message)
            elif not is_permitted(contract, needed):
                message = f"`{needed.tool}` is denied, so it never commits"
                yield found("requires_denied", here, message)
            else:
                yield from _permitted(here, tool, needed, known)
                if not _can_come_before(contract, tool, known.after[needed.tool]):
                    message = f"`{needed.tool}` only commits in phases after those of `{tool.tool}`"
                    yield found("requires_later_phase", here, message)


def _permitted(
    here: Steps, tool: ToolContract, needed: ToolContract, known: _Known
) -> Iterator[Finding]:
    if needed.commit_requirement is CommitRequirement.NONE:
        message = f"`{needed.tool}` has `commit_requirement: none` and cannot be required"
        yield found("requires_uncommitted", here, message, "require an acknowledged call")
    if (tool.tool, needed.tool) in known.cycles:
        message = f"`{tool.tool}` and `{needed.tool}` wait for each other"
        yield found("requires_cycle", here, message)
    elif needed.tool not in known.meetable:
        message = f"`{needed.tool}` can itself never be called"
        yield found("requires_unmeetable", here, message)


def _known(contract: Contract) -> _Known:
    tools = {tool.tool: tool for tool in contract.tools}
    requires = {
        name: {requirement.tool for requirement in tool.requires} for name, tool in tools.items()
    }
    required = {name for names in requires.values() for name in names}
    return _Known(
        tools=tools,
        meetable=_meetable(
            {name for name in tools if is_permitted(contract, tools[name])}, requires
        ),
        cycles=_cycles(requires),
        after={name: _after(contract, tools[name]) for name in required & tools.keys()},
    )


def _meetable(permitted: set[str], requires: dict[str, set[str]]) -> set[str]:
    """Return the tools all of whose requirements can be met, and theirs in turn."""
    meetable: set[str] = set()
    while more := {name for name in permitted - meetable if requires[name] <= meetable}:
        meetable |= more
    return meetable


def _cycles(requires: dict[str, set[str]]) -> set[tuple[str, str]]:
    """Return the pairs on a cycle, by the closure of the relation (Warshall) over bit sets."""
    bits = {name: 1 << index for index, name in enumerate(requires)}
    reached = {
        name: bits[name] | sum(bits[other] for other in others if other in bits)
        for name, others in requires.items()
    }
    for middle, bit in bits.items():
        onward = reached[middle]
        for name, here in reached.items():
            if here & bit:
                reached[name] = here | onward
    return {
        (name, other)
        for name, others in requires.items()
        for other in others
        if reached.get(other, 0) & bits[name]
    }


def _after(contract: Contract, tool: ToolContract) -> set[str] | None:
    phases = phases_of(contract, tool)
    if phases is None:
        return None
    target = target_of(tool)
    return reachable(contract, set(phases) if target is None else {target})


def _can_come_before(contract: Contract, tool: ToolContract, after: set[str] | None) -> bool:
    phases = phases_of(contract, tool)
    return phases is None or after is None or not after.isdisjoint(phases)
