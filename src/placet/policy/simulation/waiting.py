"""Steps that wait for people: their asks, and under `reject_all` the calls beside these."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Final

from placet.kernel.foreign import Json
from placet.policy.facts import Call
from placet.policy.model import Gate
from placet.policy.response import ResponseDecision

_NEVER: Final = datetime(MAXYEAR, 12, 31, tzinfo=UTC)


@dataclasses.dataclass(slots=True)
class Waiting:
    """One step with open asks. `principal` is the proposal's, `rows` the numbers of its lines.

    `calls` are those that may still be granted, in the response's order; `asks` those of them that
    people are asked for, with the seconds that each may take; `approved` had a yes.
    """

    step: int
    principal: Mapping[str, Json]
    first_row: int
    calls: dict[str, Call]
    rows: dict[str, int]
    asks: dict[str, int]
    approved: set[str] = dataclasses.field(default_factory=set)

    def drop(self, call_id: str) -> None:
        """Let a call wait no longer."""
        del self.calls[call_id]
        self.asks.pop(call_id, None)


class WaitingSteps:
    """All steps that wait, the earliest first."""

    def __init__(self, gate: Gate) -> None:
        """Begin with none."""
        self.is_whole = gate is Gate.REJECT_ALL
        self._steps: dict[int, Waiting] = {}
        self._of: dict[str, Waiting] = {}

    def __bool__(self) -> bool:
        """Say whether any step waits."""
        return bool(self._steps)

    @property
    def first_row(self) -> int | None:
        """Return the number of the first line of output that may still change."""
        return next((one.first_row for one in self._steps.values()), None)

    def begin(
        self,
        step: int,
        principal: Mapping[str, Json],
        first_row: int,
        calls: Mapping[str, Call],
        response: ResponseDecision,
    ) -> Waiting | None:
        """Wait for the asks of a response, if it has open ones."""
        asks: dict[str, int] = {}
        kept: dict[str, Call] = {}
        rows: dict[str, int] = {}
        for number, (call_id, verdict) in enumerate(
            zip(calls, response.calls, strict=True), first_row
        ):
            seconds = verdict.ask_expires_seconds
            is_open = seconds is not None and verdict.blocked_why is None
            if is_open and seconds is not None:
                asks[call_id] = seconds
            if is_open or verdict.held:
                kept[call_id] = calls[call_id]
                rows[call_id] = number
        if not asks:
            return None
        waiting = Waiting(step, principal, first_row, kept, rows, asks)
        self._steps[step] = waiting
        self._of.update(dict.fromkeys(asks, waiting))
        return waiting

    def deadline(self, waiting: Waiting, call_id: str, asked_at: datetime) -> datetime:
        """Return until when an ask is open: where the step is decided as a whole, all of them."""
        seconds = min(waiting.asks.values()) if self.is_whole else waiting.asks[call_id]
        try:
            return asked_at + timedelta(seconds=seconds)
        except OverflowError:
            return _NEVER

    def named(self, call_ids: Iterable[str]) -> Iterator[tuple[Waiting, list[str]]]:
        """Yield the steps that have open asks among these calls, with the asks, in order."""
        steps: dict[int, list[str]] = {}
        for call_id in call_ids:
            if waiting := self._of.get(call_id):
                steps.setdefault(waiting.step, []).append(call_id)
        for step in sorted(steps):
            yield self._steps[step], steps[step]

    def done(self, waiting: Waiting, call_id: str) -> None:
        """Let a call wait no longer, and its step neither where it was the last."""
        self._of.pop(call_id, None)
        waiting.drop(call_id)
        if not waiting.calls:
            del self._steps[waiting.step]
