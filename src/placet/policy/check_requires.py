"""Findings about `requires`: each can be met by some session."""

from collections.abc import Iterator

from placet.policy.check_phases import reachable
from placet.policy.finding import found, tools_of
from placet.policy.model import CommitRequirement, Contract, Finding, ToolContract
from placet.policy.rulings import is_permitted, phases_of, target_of
from placet.policy.tree import Steps


def check_requires(contract: Contract) -> Iterator[Finding]:
    """Yield the requirements that no session can meet."""
    tools = {tool.tool: tool for tool in contract.tools}
    meetable = _meetable(contract, tools)
    for steps, tool in tools_of(contract):
        if not is_permitted(contract, tool):
            continue
        for index, requirement in enumerate(tool.requires):
            here = (*steps, "requires", index, "tool")
            needed = tools.get(requirement.tool)
            if needed is None:
                message = f"`{requirement.tool}` has no contract, so it never commits"
                yield found("requires_absent", here, message)
            elif not is_permitted(contract, needed):
                message = f"`{needed.tool}` is denied, so it never commits"
                yield found("requires_denied", here, message)
            else:
                yield from _permitted(contract, here, (tool, needed), meetable)


def _permitted(
    contract: Contract,
    here: Steps,
    pair: tuple[ToolContract, ToolContract],
    meetable: set[str],
) -> Iterator[Finding]:
    tool, needed = pair
    if needed.commit_requirement is CommitRequirement.NONE:
        message = f"`{needed.tool}` has `commit_requirement: none` and cannot be required"
        yield found("requires_uncommitted", here, message, "require an acknowledged call")
    if tool.tool in _needs(contract, needed.tool):
        message = f"`{tool.tool}` and `{needed.tool}` wait for each other"
        yield found("requires_cycle", here, message)
    elif needed.tool not in meetable:
        message = f"`{needed.tool}` can itself never be called"
        yield found("requires_unmeetable", here, message)
    if not _can_come_before(contract, needed, tool):
        message = f"`{needed.tool}` can only commit in phases after those of `{tool.tool}`"
        yield found("requires_later_phase", here, message)


def _meetable(contract: Contract, tools: dict[str, ToolContract]) -> set[str]:
    """Return the tools all of whose requirements can be met, and theirs in turn."""
    meetable: set[str] = set()
    while True:
        more = {
            name
            for name, tool in tools.items()
            if is_permitted(contract, tool)
            and all(requirement.tool in meetable for requirement in tool.requires)
        }
        if more == meetable:
            return meetable
        meetable = more


def _needs(contract: Contract, name: str) -> set[str]:
    """Return a tool and all that it requires, directly or not."""
    requires = {
        tool.tool: [requirement.tool for requirement in tool.requires] for tool in contract.tools
    }
    seen: set[str] = set()
    ahead = [name]
    while ahead:
        here = ahead.pop()
        if here not in seen:
            seen.add(here)
            ahead += requires.get(here, [])
    return seen


def _can_come_before(contract: Contract, needed: ToolContract, tool: ToolContract) -> bool:
    before, after = phases_of(contract, needed), phases_of(contract, tool)
    if before is None or after is None:
        return True
    target = target_of(needed)
    left_in = set(before) if target is None else {target}
    return bool(reachable(contract, left_in) & set(after))
