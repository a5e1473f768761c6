"""Steps that wait for people: their asks, and under `reject_all` the calls beside these."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Final

from placet.kernel.foreign import Json
from placet.policy.facts import Call
from placet.policy.model import Gate
from placet.policy.response import ResponseDecision
from placet.policy.simulation.lines import Line

_NEVER: Final = datetime(MAXYEAR, 12, 31, tzinfo=UTC)
_LONG: Final = 10**9


@dataclasses.dataclass(slots=True)
class Waiting:
    """One step with open asks, proposed at `at` for `principal`; `rows` are its lines of output.

    `calls` are those that may still be granted, in the response's order; `asks` those of them that
    people are asked for, with the seconds that each may take; `approved` had a yes.
    """

    step: int
    at: datetime
    principal: Mapping[str, Json]
    first_row: int
    calls: dict[str, Call]
    rows: dict[str, int]
    asks: dict[str, int]
    approved: set[str] = dataclasses.field(default_factory=set)

    def soonest(self) -> int:
        """Return the seconds that the step can wait: an ask with a yes waits as long as it must."""
        return min(
            (one for call_id, one in self.asks.items() if call_id not in self.approved),
            default=_LONG,
        )

    def drop(self, call_id: str) -> None:
        """Let a call wait no longer."""
        del self.calls[call_id]
        self.asks.pop(call_id, None)


def waiting_of(
    line: Line, step: int, first_row: int, calls: Mapping[str, Call], response: ResponseDecision
) -> Waiting | None:
    """Return what waits of a line's response, if it has open asks."""
    principal: Mapping[str, Json] = line.principal  # type: ignore[assignment]  # -- it is JSON
    waiting = Waiting(step, line.at, principal, first_row, {}, {}, {})
    for number, (call_id, verdict) in enumerate(zip(calls, response.calls, strict=True), first_row):
        seconds = verdict.ask_expires_seconds if verdict.blocked_why is None else None
        if seconds is not None:
            waiting.asks[call_id] = seconds
        if seconds is not None or verdict.held:
            waiting.calls[call_id] = calls[call_id]
            waiting.rows[call_id] = number
    return waiting if waiting.asks else None


class WaitingSteps:
    """All steps that wait, the earliest first."""

    def __init__(self, gate: Gate) -> None:
        """Begin with none. `steps` are those that wait, by their numbers."""
        self.is_whole = gate is Gate.REJECT_ALL
        self.steps: dict[int, Waiting] = {}
        self._of: dict[str, Waiting] = {}

    @property
    def first_row(self) -> int:
        """Return the number of the first row that may still change, where any step waits."""
        return next(iter(self.steps.values())).first_row

    def begin(self, waiting: Waiting) -> None:
        """Let a step wait that has open asks."""
        self.steps[waiting.step] = waiting
        self._of.update(dict.fromkeys(waiting.asks, waiting))

    def deadline(self, waiting: Waiting, call_id: str) -> datetime:
        """Return until when an ask is open: where a step is decided as a whole, all of them."""
        seconds = waiting.soonest() if self.is_whole else waiting.asks[call_id]
        try:
            return waiting.at + timedelta(seconds=seconds)
        except OverflowError:
            return _NEVER

    def named(self, call_ids: Iterable[str]) -> Iterator[tuple[Waiting, list[str]]]:
        """Yield the steps that have asks without a yes among these calls, with these, in order."""
        steps: dict[int, list[str]] = {}
        for call_id in call_ids:
            waiting = self._of.get(call_id)
            if waiting is not None and call_id not in waiting.approved:
                steps.setdefault(waiting.step, []).append(call_id)
        for step in sorted(steps):
            yield self.steps[step], steps[step]

    def done(self, waiting: Waiting, call_id: str) -> None:
        """Let a call wait no longer, and its step neither where it was the last."""
        self._of.pop(call_id, None)
        waiting.drop(call_id)
        if not waiting.calls:
            del self.steps[waiting.step]
