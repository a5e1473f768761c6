"""One line after the other: the calls of a recording held to a contract, as one session."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import UNSET

from placet.kernel.foreign import Json
from placet.policy.evaluate import evaluate_read, read_calls
from placet.policy.facts import Call, Status
from placet.policy.holding import Holding
from placet.policy.judged import Judged
from placet.policy.ledger import Ledger
from placet.policy.loaded import Policy
from placet.policy.model import Ruling
from placet.policy.response import ResponseDecision
from placet.policy.simulation.candidates import Candidate, Candidates
from placet.policy.simulation.claims import Claims
from placet.policy.simulation.late import Late, late_results, leaves_any, output_of
from placet.policy.simulation.lines import Line, LineError, read_ahead
from placet.policy.simulation.register import Register
from placet.policy.simulation.report import (
    CallLine,
    Summary,
    SummaryLine,
    reason_lines,
    verdict_of,
)
from placet.policy.simulation.rows import Rows
from placet.policy.simulation.unjudged import Gaps, Unjudged
from placet.policy.simulation.waiting import WaitingSteps, waiting_of

_READ_AHEAD: Final = 64
"""Lines whose calls are read before the first of them is judged."""

_FORGOTTEN: Final = Holding(
    tool="",
    phase=None,
    advances_to=None,
    is_committed=False,
    effect_key=None,
    repeat=None,
    amounts={},
    firsts={},
    arguments={},
    slots={},
)
"""Stands for what a settled call held, which nobody asks for again."""


def simulate(
    policy: Policy, lines: Iterable[Line], late: Late | None = None, gaps: Gaps | None = None
) -> Iterator[CallLine | SummaryLine]:
    """Yield what becomes of each recorded call, in order, and at last the summary.

    A call is yielded when nothing can change about it any more. `late` are the results that stand
    after the line of their call; with them, a recording of any length is read as it comes, and
    without, all of it is read for them first. `gaps` says what the recording does not hold. Raises
    `LineError` at a line that cannot be the next.
    """
    if late is None:
        lines = list(lines)
        late = late_results(policy, lines)
    run = Run(policy, late, gaps)
    for ahead in read_ahead(lines, _READ_AHEAD):
        read = [read_calls(policy, calls_of(line)) for line in ahead]
        for line, calls in zip(ahead, read, strict=True):
            try:
                final = run.step(line, calls)
            except LineError as fault:
                fault.step = run.steps
                raise
            yield from final
    yield from run.end()


def calls_of(line: Line) -> list[Call]:
    """Return the calls of a line as they are judged."""
    return [
        Call(tool=one.function.name, arguments=one.function.arguments.encode(), call_id=one.id)
        for one in line.tool_calls
    ]


class Run:
    """A simulation under way. `steps` is how many lines it took."""

    def __init__(self, policy: Policy, late: Late, gaps: Gaps | None = None) -> None:
        """Begin before the first line."""
        self._policy = policy
        self._late = late
        self._gaps = gaps
        self._ledger: Ledger | None = None
        self._at: datetime | None = None
        self._labels: dict[str, str] = {}
        self._register = Register()
        self._rows = Rows()
        self._candidates = Candidates(policy)
        self._waiting = WaitingSteps(policy.gate)
        self._claims = Claims(policy, self._waiting, self._rows, self._candidates)
        self._unjudged = Unjudged(policy, self._candidates, gaps)
        self._verdicts = dict.fromkeys(Ruling, 0)
        self.steps = self._denials_unjudged = self._ignored = 0

    def step(self, line: Line, read: Sequence[Judged]) -> list[CallLine]:
        """Take the next line with its calls, and return what is final. Raises `LineError`."""
        self.steps += 1
        if self._at is not None and line.at < self._at:
            raise LineError(field="at", message="the time runs backwards")
        self._at = line.at
        is_alone = not self._waiting.steps and _is_alone(line)
        earlier = [] if is_alone and self._register.enter_new(line) else self._register.enter(line)
        ledger = self._ledger
        if ledger is None:
            ledger = self._ledger = Ledger(self._policy, line.at)
        phase = ledger.phase
        if self._waiting.steps:
            self._claims.expire(ledger, line.at)
        if line.labels:
            self._labels = {**self._labels, **line.labels}
        ungranted = [one for one in earlier if not self._settle(ledger, one, line)]
        if self._waiting.steps and line.approved:
            self._claims.claim(ledger, line.approved, self._labels, line.at)
        for call_id in ungranted:
            if not self._settle(ledger, call_id, line):
                self._ignore(call_id, line)
        if line.tool_calls:
            self._respond(ledger, line, read, phase, is_alone=is_alone)
        if not self._waiting.steps:
            return self._rows.take_all()
        return self._rows.take(self._waiting.first_row)

    def end(self) -> list[CallLine | SummaryLine]:
        """Return what was not final before, and the summary."""
        ledger = self._ledger
        summary = Summary(
            steps=self.steps,
            allow=self._verdicts[Ruling.ALLOW],
            deny=self._verdicts[Ruling.DENY],
            ask=self._verdicts[Ruling.ASK],
            killed=ledger is not None and ledger.status is Status.KILLED,
            kill_reason=None if ledger is None else ledger.killed_by,
            unjudged=self._denials_unjudged,
            ignored_receipts=self._ignored,
        )
        return [*self._rows.take_all(), SummaryLine(summary=summary)]

    def _respond(
        self,
        ledger: Ledger,
        line: Line,
        read: Sequence[Judged],
        phase: str | None,
        *,
        is_alone: bool,
    ) -> None:
        """Judge a line's calls as one response, and fold in what it says became of them."""
        principal: Mapping[str, Json] = line.principal  # type: ignore[assignment]  # -- it is JSON
        facts = ledger.facts(line.at, principal=principal, labels=self._labels)
        response = evaluate_read(self._policy, facts, read)
        if is_alone and response.calls[0].granted:
            self._take(ledger, line, response, read[0].call)
            return
        proposed = [one.call for one in read]
        calls = {one.id: call for one, call in zip(line.tool_calls, proposed, strict=True)}
        words = [verdict_of(verdict.decision) for verdict in response.calls]
        unjudged: Mapping[int, str] = {}
        if Ruling.DENY in words:
            unjudged = self._unjudged.reasons(ledger, facts, proposed, response)
            self._denials_unjudged += len(unjudged)
        own = [one for one in line.approved if one in calls]
        self._decided(ledger, line, response, is_final=not own)
        first_row = self._rows.next_number
        phase_after = ledger.phase
        for index, verdict in enumerate(response.calls):
            word = words[index]
            self._verdicts[word] += 1
            self._rows.add(
                CallLine(
                    step=self.steps,
                    call=line.tool_calls[index].id,
                    tool=verdict.tool,
                    verdict=word,
                    granted=verdict.granted,
                    layer=verdict.decision.layer,
                    reasons=reason_lines(verdict.reasons),
                    phase=phase,
                    phase_after=phase_after,
                    unjudged=unjudged.get(index, UNSET),
                )
            )
        if Ruling.ASK in words and (
            waiting := waiting_of(line, self.steps, first_row, calls, response)
        ):
            self._claims.begin(ledger, waiting)
        if own and not (
            self._claims.claim(ledger, own, self._labels, line.at)
            or any(verdict.granted for verdict in response.calls)
        ):
            self._decided(ledger, line, response, is_final=True)
        for call_id in calls:
            if not self._settle(ledger, call_id, line):
                self._ignore(call_id, line)
        if ledger.phase != phase_after:
            self._rows.end_in(ledger.phase, first_row)
        self._keep_uncommitted(ledger, line, calls, principal)

    def _take(self, ledger: Ledger, line: Line, response: ResponseDecision, call: Call) -> None:
        """Fold in the grant of a line's one call, and what the line tells of it and of no other."""
        call_id = line.tool_calls[0].id
        phase = ledger.phase
        principal: Mapping[str, Json] = line.principal  # type: ignore[assignment]  # -- it is JSON
        ledger.granted(self.steps, call_id, response.calls[0], line.at, principal=principal)
        self._settle(ledger, call_id, line)
        if not ledger.is_committed(call_id):
            self._keep_uncommitted(ledger, line, {call_id: call}, principal)
        self._verdicts[Ruling.ALLOW] += 1
        self._rows.add(
            CallLine(
                step=self.steps,
                call=call_id,
                tool=call.tool,
                verdict=Ruling.ALLOW,
                granted=True,
                layer=None,
                reasons=(),
                phase=phase,
                phase_after=ledger.phase,
            )
        )

    def _decided(
        self, ledger: Ledger, line: Line, response: ResponseDecision, *, is_final: bool
    ) -> None:
        """Fold in a decision; whether it blocks is known when its own approvals are claimed."""
        principal: Mapping[str, Json] = line.principal  # type: ignore[assignment]  # -- it is JSON
        ids = [one.id for one in line.tool_calls]
        ledger.decided(
            self.steps, ids, response, line.at, principal=principal, is_claim=not is_final
        )

    def _settle(self, ledger: Ledger, call_id: str, line: Line) -> bool:
        """Fold in what a line tells of a call, or return False where it was not granted."""
        if not ledger.is_granted(call_id):
            return False
        if call_id in line.outputs:
            output: Json = line.outputs[call_id]  # type: ignore[assignment]  # -- it is JSON
            call = ledger.calls[call_id]
            self._candidates.discard(call.holding.tool, call_id)
            ledger.succeeded(call_id, output, line.at)
            call.holding = _FORGOTTEN
        elif call_id in line.failed:
            ledger.failed(call_id)
            ledger.calls[call_id].holding = _FORGOTTEN
        if call_id in line.cost_micros:
            ledger.spent(call_id, line.cost_micros[call_id])
        return True

    def _ignore(self, call_id: str, line: Line) -> None:
        self._ignored += (call_id in line.outputs) + line.failed.count(call_id)

    def _keep_uncommitted(
        self,
        ledger: Ledger,
        line: Line,
        calls: Mapping[str, Call],
        principal: Mapping[str, Json],
    ) -> None:
        for call_id, call in calls.items():
            if (
                ledger.is_committed(call_id)
                or call_id in line.failed
                or call_id in self._late.failed
                or (tool := self._policy.tools.get(call.tool)) is None
            ):
                continue
            output = self._late.outputs.get(call_id)
            if call_id in line.outputs and leaves_any(tool):
                output = output_of(tool, line.outputs[call_id])  # type: ignore[arg-type]  # -- it is JSON
            self._candidates.add(
                Candidate(
                    call_id=call_id,
                    step=self.steps,
                    call=call,
                    principal=principal,
                    output=output,
                    is_unknown=self._gaps is not None and not call.arguments,
                )
            )


def _is_alone(line: Line) -> bool:
    """Say whether a line has one call, and tells of no other and of no people or failure."""
    if len(line.tool_calls) != 1 or line.approved or line.failed:
        return False
    one = line.tool_calls[0].id
    outputs, costs = line.outputs, line.cost_micros
    return len(outputs) == (one in outputs) and len(costs) == (one in costs)
