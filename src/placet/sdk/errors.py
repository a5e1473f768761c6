"""What only the client knows. Refusals of the service come in the service's own classes."""

from datetime import datetime
from uuid import UUID

from placet.replay.calls.model import ReasonView


class GovernanceStop(Exception):  # noqa: N818 -- an answer that says no, not an error
    """The call was not run. Base of what a governed call raises by policy."""


class CallBlocked(GovernanceStop):
    """The call was denied. `reasons` say why, in the words of the contract's rules."""

    def __init__(self, tool: str, reasons: list[ReasonView], call_id: UUID | None = None) -> None:
        """Take the tool's name, every reason, and the call's id where it was registered."""
        super().__init__(tool, reasons, call_id)
        self.tool = tool
        self.reasons = reasons
        self.call_id = call_id

    def __str__(self) -> str:
        """Return one sentence with every reason."""
        return f"`{self.tool}` was blocked: {told(self.reasons)}"


class ApprovalPending(GovernanceStop):
    """The call waits for a person, or for another call of its turn that does.

    Without an answer by `deadline` it is denied.
    """

    def __init__(self, tool: str, call_id: UUID, deadline: datetime | None) -> None:
        """Take the tool's name, the call's id and the deadline."""
        super().__init__(tool, call_id, deadline)
        self.tool = tool
        self.call_id = call_id
        self.deadline = deadline

    def __str__(self) -> str:
        """Return one sentence with the call's id and its deadline."""
        until = "" if self.deadline is None else f" until {self.deadline.isoformat()}"
        return f"`{self.tool}` waits for approval{until} (call {self.call_id})"


class GrantRefused(GovernanceStop):
    """The grant that came does not cover the call, so the call was not run."""

    def __init__(self, tool: str, call_id: UUID, flaw: str, detail: str) -> None:
        """Take the tool's name, the call's id, the flaw's code and its words."""
        super().__init__(tool, call_id, flaw, detail)
        self.tool = tool
        self.call_id = call_id
        self.flaw = flaw
        self.detail = detail

    def __str__(self) -> str:
        """Return one sentence."""
        return f"`{self.tool}` was not run: {self.detail} (call {self.call_id})"


class OutboxFull(GovernanceStop):
    """Too many receipts are owed, so nothing is begun whose receipt could only be owed too.

    It passes as soon as somebody takes the receipts again.
    """

    def __init__(self, owed: int, size: int) -> None:
        """Take how many receipts are owed or awaited, and the bytes of those that are owed."""
        super().__init__(owed, size)
        self.owed = owed
        self.size = size

    def __str__(self) -> str:
        """Return one sentence."""
        return f"{self.owed} receipts are owed or awaited ({self.size} bytes): nothing is begun"


class NotDone(Exception):  # noqa: N818 -- a tool says it of its effect, not of itself
    """Raise this from a tool that knows that its effect did not take place, and will not.

    The call is then reported as `failed`, whatever the tool: its effect key and its limits are
    free again.
    """


class OutcomeUnknown(Exception):  # noqa: N818 -- a tool says it of its effect; it may have worked
    """Raise this from a tool that cannot tell whether its effect took place.

    The call is then reported as `unknown`: it keeps its effect key and its limits until somebody
    who knows settles it.
    """


class JournalError(RuntimeError):
    """The journal cannot be used, so nothing is begun that it should know of."""


class JournalInUse(JournalError):  # noqa: N818 -- it says what is so, and who is wrong is open
    """Another process, or another session object of this one, holds the journal."""


class NoSessionError(RuntimeError):
    """A governed tool was called outside `async with client.session()`."""


def told(reasons: list[ReasonView]) -> str:
    """Return the reasons as one line: details where there are any, else codes."""
    return "; ".join(reason.detail or reason.code for reason in reasons) or "no reason was given"
