"""Our own event export as recorded calls: what its events tell, and what they cannot.

Events hold hashes of arguments and outputs, not the texts. Of arguments, only none at all can be
told by their hash; of outputs, the values that some rule named. Who the agent acted for stands in
no event. A call is named by its id in the service, because the agent's own may repeat.
"""

import dataclasses
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.bundle import BundleHeader, EventLine
from placet.kernel.foreign import Json
from placet.kernel.value import Value
from placet.policy.evaluate import arguments_hash
from placet.policy.paths import PathError, parse_path
from placet.policy.simulation.lines import FunctionCall, Line, LineError, ToolCall
from placet.policy.simulation.unjudged import Gaps
from placet.replay.asks.model import CallEdited
from placet.replay.calls.events import CallProposed, CallSettled
from placet.replay.calls.model import ReceiptStatus

GAPS: Final = Gaps(
    arguments="the export holds no arguments of this call",
    principal="the export does not hold for whom the agent acted",
)
_KIND: Final = b'"placet.bundle.v1"'
_SESSION: Final = "session"
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NONE: Final = b"{}"


class SessionUnclearError(ValueError):
    """An export without the session that is wanted, or with several. `sessions` are all it has."""

    def __init__(self, sessions: list[UUID]) -> None:
        """Keep the sessions."""
        super().__init__("the export does not have exactly one such session")
        self.sessions = sessions


class _Kind(Value, frozen=True):
    kind: str


@dataclasses.dataclass(slots=True)
class _Step:
    at: datetime
    request: UUID | None
    calls: list[ToolCall] = dataclasses.field(default_factory=list)
    outputs: dict[str, object] = dataclasses.field(default_factory=dict)
    failed: list[str] = dataclasses.field(default_factory=list)

    def line(self) -> Line:
        return Line(
            at=self.at,
            tool_calls=tuple(self.calls),
            outputs=self.outputs,
            failed=tuple(self.failed),
        )


class _Steps:
    """The steps of one session, as its events tell them."""

    def __init__(self) -> None:
        self.steps: list[_Step] = []
        self._step_of: dict[UUID, int] = {}
        self._late: _Step | None = None
        self._nothing = arguments_hash(_NONE).hex()

    def proposed(self, at: datetime, said: CallProposed) -> None:
        if not self.steps or self.steps[-1].request != said.prepared_request_id:
            late = self._late or _Step(at, None)
            self.steps.append(_Step(at, said.prepared_request_id, [], late.outputs, late.failed))
            self._late = None
        is_empty = said.arguments_hash == self._nothing
        function = FunctionCall(name=said.tool, arguments=_NONE.decode() if is_empty else "")
        self.steps[-1].calls.append(ToolCall(id=str(said.call_id), function=function))
        self._step_of[said.call_id] = len(self.steps) - 1

    def edited(self, said: CallEdited) -> None:
        """Put the call that somebody edited in the place of the one that was proposed."""
        place = self._step_of.get(said.call_id)
        if place is None:
            return
        self._step_of[said.new_call_id] = place
        is_empty = said.arguments_hash == self._nothing
        function = FunctionCall(name=said.tool, arguments=_NONE.decode() if is_empty else "")
        calls = self.steps[place].calls
        new = ToolCall(id=str(said.new_call_id), function=function)
        self.steps[place].calls = [new if c.id == str(said.call_id) else c for c in calls]

    def settled(self, at: datetime, said: CallSettled) -> None:
        """Note a result with its own line, or with the next where another line came between."""
        if said.call_id not in self._step_of:
            return
        step = self.steps[-1]
        if self._step_of[said.call_id] != len(self.steps) - 1:
            step = self._late = self._late or _Step(at, None)
            step.at = at
        if said.outcome is ReceiptStatus.SUCCEEDED:
            step.outputs[str(said.call_id)] = _output(said)
        elif said.outcome is ReceiptStatus.FAILED:
            step.failed.append(str(said.call_id))

    def lines(self) -> list[Line]:
        rest = [] if self._late is None else [self._late]
        return [step.line() for step in [*self.steps, *rest]]


def is_export(first: bytes) -> bool:
    """Say whether a file that begins with this line is an event export."""
    return _KIND in first and b'"tool_calls"' not in first


def lines_of_export(raw: Iterable[bytes], session: UUID | None) -> list[Line]:
    """Return the steps of one session of an export; `session` may be left out where it has one.

    Nothing is verified here. Raises `LineError` for a line that is none of an export, and
    `SessionUnclearError`.
    """
    steps: dict[str, _Steps] = {}
    for number, text in enumerate(raw, 1):
        try:
            kind = msgspec.json.decode(text, type=_Kind).kind
            if kind == "placet.bundle.v1":
                header = msgspec.json.decode(text, type=BundleHeader)
                steps = _wanted(header, session)
            elif kind == "event":
                event = msgspec.json.decode(text, type=EventLine)
                if event.stream_id in steps:
                    _fold(steps[event.stream_id], event)
        except (msgspec.DecodeError, UnicodeDecodeError, OverflowError) as fault:
            raise LineError(
                field="", message=f"line {number} is no line of an export: {fault}"
            ) from None
    return [line for one in steps.values() for line in one.lines()]


def _wanted(header: BundleHeader, session: UUID | None) -> dict[str, _Steps]:
    sessions = [stream.stream_id for stream in header.streams if stream.kind == _SESSION]
    wanted = [one for one in sessions if session in {None, one}]
    if len(wanted) != 1:
        raise SessionUnclearError(sessions)
    return {str(wanted[0]): _Steps()}


def _fold(steps: _Steps, event: EventLine) -> None:
    if event.body is None:
        return
    at = _EPOCH + timedelta(microseconds=event.time)
    if event.type == CallProposed.__name__:
        steps.proposed(at, msgspec.json.decode(event.body, type=CallProposed))
    elif event.type == CallEdited.__name__:
        steps.edited(msgspec.json.decode(event.body, type=CallEdited))
    elif event.type == CallSettled.__name__:
        steps.settled(at, msgspec.json.decode(event.body, type=CallSettled))


def _output(said: CallSettled) -> Json:
    """Return an output with the values that were kept of it, where they stand under plain keys."""
    output: dict[str, Json] = {}
    kept = said.remembered.output if said.remembered is not None else None
    for text, value in (kept or {}).items():
        try:
            parts = parse_path(text).parts
        except PathError:
            continue
        keys = [part for part in parts if isinstance(part, str)]
        if not keys or len(keys) < len(parts):
            continue
        here = output
        for key in keys[:-1]:
            inner = here.setdefault(key, {})
            if not isinstance(inner, dict):
                break
            here = inner
        else:
            here[keys[-1]] = msgspec.json.decode(value)
    return output
