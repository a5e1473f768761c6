"""Findings about `requires`: each can be met by some session."""

from collections.abc import Iterable, Iterator

from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import Known
from placet.policy.checks.reach import Reach
from placet.policy.finding import Finding
from placet.policy.model import CommitRequirement, ToolContract
from placet.policy.text.tree import Steps


def check_requires(known: Known, reach: Reach) -> Iterator[Finding]:
    """Yield the requirements that no session can meet."""
    cycles = _cycles(known, reach)
    for steps, tool in tools_of(known.contract):
        if known.is_denied(tool.tool):
            continue
        for index, requirement in enumerate(tool.requires):
            here = (*steps, "requires", index, "tool")
            name = requirement.tool
            if name in known.callable:
                is_cycle = (tool.tool, name) in cycles
                yield from _required(here, tool.tool, known.tools[name], reach, is_cycle=is_cycle)
            else:
                yield _never(here, name, is_absent=name not in known.tools)
    yield from _forbidden(known)


def _forbidden(known: Known) -> Iterator[Finding]:
    """Yield what a tool is forbidden after although it must have been called before it."""
    if not any(tool.requires and tool.forbidden_after for tool in known.tools.values()):
        return
    bits, reached = _closure(known, known.permitted)
    for steps, tool in tools_of(known.contract):
        for index, name in enumerate(tool.forbidden_after):
            for number, requirement in enumerate(tool.requires):
                needed = requirement.tool
                if name == needed or reached.get(needed, 0) & bits.get(name, 0):
                    here = (*steps, "forbidden_after", index)
                    other = (*steps, "requires", number, "tool")
                    message = f"`{tool.tool}` is forbidden after `{name}`, and waits for `{needed}`"
                    message += "" if name == needed else f", which waits for `{name}`"
                    hint = "take one of them out"
                    yield found("requires_forbidden", here, message, hint, related=other)
                    break


def _never(here: Steps, name: str, *, is_absent: bool) -> Finding:
    if is_absent:
        message = f"`{name}` has no contract, so it never commits"
        return found("requires_absent", here, message, "give it a contract, or mend the name")
    message = f"`{name}` is denied, so it never commits"
    return found("requires_denied", here, message, "permit it, or take the requirement out")


def _required(
    here: Steps, tool: str, needed: ToolContract, reach: Reach, *, is_cycle: bool
) -> Iterator[Finding]:
    name = needed.tool
    if needed.commit_requirement is CommitRequirement.NONE:
        message = f"`{name}` has `commit_requirement: none` and cannot be required"
        yield found("requires_uncommitted", here, message, "require an acknowledged call")
    if is_cycle:
        both = f"`{tool}` and `{name}` wait for each other"
        message = f"`{name}` waits for itself" if name == tool else both
        yield found("requires_cycle", here, message, "take one of the requirements out")
    elif name not in reach.meetable:
        message = f"`{name}` can itself never be called"
        yield found("requires_unmeetable", here, message, f"mend what `{name}` waits for")
    if not reach.can_precede(name, tool):
        message = f"`{name}` only commits in phases after those of `{tool}`"
        yield found("requires_later_phase", here, message, "require an earlier call")


def _cycles(known: Known, reach: Reach) -> set[tuple[str, str]]:
    """Return the pairs of which the first requires the second, and the second the first in turn.

    What can be called is on no cycle.
    """
    names = known.callable - reach.meetable
    bits, reached = _closure(known, names)
    return {
        (name, other)
        for name in names
        for other in {requirement.tool for requirement in known.tools[name].requires}
        if other == name or reached.get(other, 0) & bits[name]
    }


def _closure(known: Known, names: Iterable[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Return a bit for each of these tools, and for each those that it waits for in the end.

    By the closure of the relation (Warshall) over bit sets.
    """
    requires = {
        name: {requirement.tool for requirement in known.tools[name].requires} for name in names
    }
    bits = {name: 1 << index for index, name in enumerate(requires)}
    reached = {
        name: sum(bits[other] for other in others if other in bits)
        for name, others in requires.items()
    }
    for middle, bit in bits.items():
        onward = reached[middle]
        for name, here in reached.items():
            if here & bit:
                reached[name] = here | onward
    return bits, reached
