"""What a layer is asked: one call, the whole history, and what the same response holds."""

from dataclasses import dataclass
from datetime import datetime

from tests.policy.reference.history import Call, History, counted, tool_of
from tests.policy.reference.operators import Doc


@dataclass
class Asked:
    """What a layer is asked: the call, and all that is known when it is judged."""

    contract: Doc
    history: History
    call: Call
    now: datetime
    held: list[Call]
    approved: bool

    @property
    def session(self) -> Doc:
        """Return the rules of the session."""
        found: Doc = self.contract.get("session", {})
        return found

    @property
    def limits(self) -> Doc:
        """Return the limits of the session."""
        found: Doc = self.session.get("limits", {})
        return found

    @property
    def tool(self) -> Doc | None:
        """Return what the contract says of the call's tool."""
        return tool_of(self.contract, self.call.tool)

    @property
    def counted(self) -> list[Call]:
        """Return what counts: the history's calls and what the same response holds."""
        return counted(self.history) + self.held
