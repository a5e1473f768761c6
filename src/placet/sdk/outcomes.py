"""How the calls of a turn ended, in words that go back to the model."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from placet.kernel.value import Value
from placet.replay.calls.model import ReasonView
from placet.sdk.endpoints import ToolCall
from placet.sdk.errors import ApprovalPending, told
from placet.sdk.reports import output_of, status_of


class Ending(StrEnum):
    """How one call of a turn ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    WAITING = "waiting"
    NOT_RUN = "not_run"


class Outcome(Value, frozen=True):
    """What became of one tool call, with the text that goes back to the model."""

    tool_call_id: str
    tool: str
    ending: Ending
    text: str
    call_id: UUID | None = None
    reasons: list[ReasonView] = msgspec.field(default_factory=list)
    deadline: datetime | None = None

    def __repr__(self) -> str:
        """Show how it ended, without what the tool returned."""
        return f"Outcome({self.tool!r}, {self.ending.value}, call_id={self.call_id})"

    def message(self) -> dict[str, str]:
        """Return the chat message that answers the tool call."""
        return {"role": "tool", "tool_call_id": self.tool_call_id, "content": self.text}


class Told(Value, frozen=True):
    """Puts what became of one call into an outcome, with words for the model."""

    asked: ToolCall
    call_id: UUID | None

    def did(self, result: object) -> Outcome:
        """Return the outcome of a tool that returned."""
        text = result if isinstance(result, str) else output_of(result)
        return self._outcome(Ending.SUCCEEDED, _words(result) if text is None else text)

    def fell(self, fault: Exception, *, is_grave: bool) -> Outcome:
        """Return the outcome of a tool that raised; `is_grave` where a start is required."""
        ending = Ending(status_of(fault, is_grave=is_grave).value)
        words = {Ending.FAILED: "failed", Ending.TIMED_OUT: "ran out of time"}
        what = words.get(ending, "has an unknown outcome; do not repeat it")
        why = f"{type(fault).__name__}: {_words(fault)}"
        return self._outcome(ending, f"`{self.asked.name}` {what}: {why}")

    def blocked(self, reasons: list[ReasonView]) -> Outcome:
        """Return the outcome of a call that was denied."""
        text = f"`{self.asked.name}` was blocked: {told(reasons)}"
        return msgspec.structs.replace(self._outcome(Ending.BLOCKED, text), reasons=reasons)

    def waiting(self, stop: ApprovalPending) -> Outcome:
        """Return the outcome of a call that waits for people."""
        outcome = self._outcome(Ending.WAITING, str(stop))
        return msgspec.structs.replace(outcome, deadline=stop.deadline)

    def not_run(self, why: str) -> Outcome:
        """Return the outcome of a call whose tool was not begun."""
        return self._outcome(Ending.NOT_RUN, f"`{self.asked.name}` was not run: {why}")

    def _outcome(self, ending: Ending, text: str) -> Outcome:
        return Outcome(
            tool_call_id=self.asked.id,
            tool=self.asked.name,
            ending=ending,
            text=text,
            call_id=self.call_id,
        )


def _words(value: object) -> str:
    """Return the text of anything: what a tool made may not even have one."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 -- the effect has happened, and its outcome is told all the same
        return f"<{type(value).__name__}>"
