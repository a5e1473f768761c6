"""One tool of one of two contracts."""

import dataclasses

from placet.policy.model import Contract, ToolContract
from placet.policy.rulings import target_of
from placet.policy.text.tree import Steps


@dataclasses.dataclass(frozen=True, slots=True)
class Side:
    """A tool, the contract that it stands in, and its index there."""

    contract: Contract
    tool: ToolContract
    index: int

    @property
    def steps(self) -> Steps:
        """Where the tool stands in its document."""
        return ("tools", self.index)

    @property
    def is_required(self) -> bool:
        """Say whether a rule of some tool looks at committed calls of this one."""
        name = self.tool.tool
        return any(one.tool == name for other in self.contract.tools for one in other.requires)

    @property
    def is_counted(self) -> bool:
        """Say whether an aggregate or an envelope is over calls of this tool."""
        session, name = self.contract.session, self.tool.tool
        return any(one.tool == name for one in session.aggregates) or any(
            one.tool == name for one in session.envelopes
        )

    @property
    def leaves_something(self) -> bool:
        """Say whether a commit of this tool can do something for later calls."""
        moves = target_of(self.tool) is not None
        return moves or bool(self.tool.binds) or self.is_required or self.is_counted


def sides(contract: Contract) -> dict[str, Side]:
    """Return the tools of a contract by name."""
    return {tool.tool: Side(contract, tool, index) for index, tool in enumerate(contract.tools)}
