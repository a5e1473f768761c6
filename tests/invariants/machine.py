"""One session led twice: by the services on the database, and by plain rules beside it.

The plain side knows who has the lease and how far the session is; what a response may do and what
it holds is decided by the policy's own ledger, and what a word settles by the pure rules. After
each command both sides must say the same: the answer, the row, every call, what is counted, and the
fold of the events.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from tests.invariants.claims import broken
from tests.invariants.explored import Grounds, Seat, ask_again, close
from tests.invariants.explored_judged import stored
from tests.invariants.hands import Hand
from tests.invariants.interleave import came_to, code_of
from tests.invariants.stage import GRANT_END, NOTE, refund

from placet.kernel.principal import Environment
from placet.policy.evaluate import evaluate_response
from placet.policy.facts import Call
from placet.policy.ledger import Ledger
from placet.policy.loaded import Policy
from placet.policy.paths import MISSING
from placet.replay.calls.answers import CallOutcome, ProposalAnswer, ReceiptAnswer
from placet.replay.calls.fold import fold
from placet.replay.calls.model import CallStatus, EvidenceLevel, ExecutionState, ReceiptStatus
from placet.replay.calls.rules import Overdue, decide_overdue, failure_need, success_need
from placet.replay.sessions.lease_model import LeaseAction
from placet.replay.sessions.rules import encode_state

OPEN: Final = ("granted", "unknown")
KNOWN: Final = ("succeeded", "failed")
LEASED: Final = ("active", "closing")
PRODUCTION: Final = Environment.PRODUCTION
Command = tuple[str, int, int, str]
"""What is done, by which of two workers, to which call, and how."""


@dataclass
class Tracked:
    """A call as the plain side knows it."""

    outcome: CallOutcome
    tool: str
    fence: int
    status: str
    execution: str = "not_started"
    is_over: bool = False
    words: set[str] = field(default_factory=set)


@dataclass
class Machine:
    """A session on both sides. `seen` counts what each command came to."""

    grounds: Grounds
    seat: Seat
    policy: Policy
    ledger: Ledger
    seen: Counter[tuple[str, str]]
    status: str = "active"
    fence: int = 1
    holder: int | None = 0
    fences: list[int] = field(default_factory=lambda: [1, 0])
    released: tuple[int, int] | None = None
    calls: list[Tracked] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Have two orders to refund."""
        self.orders = [self.seat.order, refund(self.seat.stage.order())]

    @classmethod
    async def begun(cls, grounds: Grounds, seen: Counter[tuple[str, str]]) -> "Machine":
        """Begin with a session of which the first worker has the lease."""
        (seat,) = await grounds.seats("open", 1)
        known = grounds.runtimes[0].find(seat.worker.key, seat.session_id)
        assert known is not None
        policy = (await grounds.runtimes[0].pinned(known)).policy
        return cls(grounds, seat, policy, Ledger(policy, known.started_at), seen)

    async def run(self, command: Command) -> list[str]:
        """Do a command on both sides. Returns where they differ."""
        name, who, place, how = command
        call = self.calls[place % len(self.calls)] if self.calls else None
        hand = (self.seat.worker, self.seat.heir)[who]
        match name:
            case "take" | "steal" | "release":
                expected = self._lease(name, who)
                came = await came_to(lambda: self._ask_lease(hand, name))
            case "note" | "refund":
                expected, came = await self._propose(who, hand, name, place)
            case "start" if call is not None:
                expected = self._start(who, call)
                came = await came_to(lambda: hand.start(call.outcome))
            case "report" if call is not None:
                expected, came = await self._report(who, hand, call, ReceiptStatus(how))
            case "settle" if call is not None and how in KNOWN:
                expected = self._settle(call, how)
                status = ReceiptStatus(how)
                came = await came_to(lambda: self.seat.operator.settle(call.outcome, status))
            case "kill":
                expected = "session_completed" if self.status == "completed" else "ok"
                self.status = self.status if expected != "ok" else "killed"
                came = await came_to(self.seat.operator.kill)
            case "close":
                expected = self._close()
                came = await came_to(lambda: close(self.seat.operator))
            case "sweep":
                return await self._sweep()
            case _:
                return []
        self.seen[name, code_of(came)] += 1
        found = await self._differences()
        if code_of(came) != expected:
            found.append(f"it came to {code_of(came)}, not {expected}")
        return [f"{command}: {one}" for one in found]

    async def _ask_lease(self, hand: Hand, name: str) -> object:
        match name:
            case "take":
                return await hand.lease()
            case "release":
                return await hand.lease(LeaseAction.RELEASE)
            case _:
                stolen = await self.seat.operator.lease(LeaseAction.STEAL, holder=hand.holder)
                hand.fence = stolen.fence
                return stolen

    def _writes(self, who: int) -> str:
        if self.status != "active":
            return f"session_{self.status}"
        return "ok" if self._is_mine(who) else "lease_lost"

    def _is_mine(self, who: int) -> bool:
        return self.holder == who and self.fences[who] == self.fence

    def _lease(self, name: str, who: int) -> str:
        if name == "release" and self.released == (who, self.fences[who]):
            return "ok"
        if self.status not in LEASED:
            return f"session_{self.status}"
        if name == "release":
            if not self._is_mine(who):
                return "lease_lost"
            self.holder, self.released = None, (who, self.fence)
            return "ok"
        if name == "take" and self.holder not in {None, who}:
            return "lease_held"
        self.fence += 1
        self.holder, self.fences[who], self.released = who, self.fence, None
        return "ok"

    async def _propose(self, who: int, hand: Hand, name: str, place: int) -> tuple[str, object]:
        tool, arguments = NOTE if name == "note" else self.orders[place % len(self.orders)]
        came = await came_to(lambda: ask_again(hand, tool, arguments))
        expected = self._writes(who)
        if not isinstance(came, ProposalAnswer) or expected != "ok":
            return expected, came
        (outcome,) = came.calls
        call = Call(tool=tool, arguments=json.dumps(arguments).encode(), call_id=outcome.call_id)
        now = await self.seat.stage.now()
        facts = self.ledger.facts(now, principal={}, labels={})
        decision = evaluate_response(self.policy, facts, [call])
        step = came.request_seq
        self.ledger.decided(step, [outcome.call_id], decision, now, principal={})
        status = "granted" if decision.calls[0].granted else "blocked"
        self.calls.append(Tracked(outcome, tool, self.fence, status))
        return expected, came

    def _start(self, who: int, call: Tracked) -> str:
        expected = self._writes(who)
        if expected == "ok" and (
            call.status != "granted"
            or call.execution != "not_started"
            or call.fence != self.fence
            or call.is_over
        ):
            return "transition_not_allowed"
        if expected == "ok":
            call.execution = "started"
        return expected

    async def _report(
        self, who: int, hand: Hand, call: Tracked, status: ReceiptStatus
    ) -> tuple[str, object]:
        said = str(status)
        is_late = self.fences[who] != self.fence or self.status not in LEASED
        is_conflicting = (
            call.status not in {*OPEN, "settled"}
            or (call.status == "settled" and call.execution != said)
            or (call.execution in KNOWN and said in KNOWN and call.execution != said)
            or (said in KNOWN and any(word in KNOWN and word != said for word in call.words))
        )
        call.words.add(said)
        if call.status == "granted" and not is_late and not is_conflicting:
            self._told(call, status)
        came = await came_to(lambda: hand.report(call.outcome, status, output={}))
        if isinstance(came, ReceiptAnswer):
            marks = (came.late, came.conflicting)
            return ("ok" if marks == (is_late, is_conflicting) else f"marked {marks}"), came
        return "ok", came

    def _told(self, call: Tracked, status: ReceiptStatus) -> None:
        tool, levels = self.policy.tools[call.tool], list(EvidenceLevel)
        if status not in {ReceiptStatus.SUCCEEDED, ReceiptStatus.FAILED}:
            call.status = call.execution = "unknown"
            self.ledger.timed_out(call.outcome.call_id)
            return
        call.execution = str(status)
        need = success_need if status is ReceiptStatus.SUCCEEDED else failure_need
        if levels.index(EvidenceLevel.CLIENT_REPORTED) >= levels.index(need(tool, PRODUCTION)):
            self._settled(call, str(status))

    def _settled(self, call: Tracked, how: str) -> None:
        call.status, call.execution = "settled", how
        if how == "failed":
            self.ledger.failed(call.outcome.call_id)
        else:
            self.ledger.succeeded(call.outcome.call_id, MISSING, self.ledger.started_at)

    def _settle(self, call: Tracked, how: str) -> str:
        lives = how == "failed" and not call.is_over
        if call.status not in OPEN or lives:
            return "transition_not_allowed"
        self._settled(call, how)
        return "ok"

    def _close(self) -> str:
        if self.status == "killed":
            return "session_killed"
        if self.status == "active":
            self.status = "closing" if self._is_open() else "completed"
        return "ok"

    def _is_open(self) -> bool:
        return any(call.status in OPEN for call in self.calls)

    async def _sweep(self) -> list[str]:
        """Let every grant end and the sweeper come by."""
        sweeper = self.seat.operator
        await self.seat.stage.let_time_pass(sweeper, GRANT_END)
        code = await sweeper.sweep()
        self.seen["sweep", code] += 1
        for call in self.calls:
            call.is_over = True
            if call.status != "granted":
                continue
            became = decide_overdue(
                CallStatus.GRANTED,
                ExecutionState(call.execution),
                start_required=call.outcome.start_required,
                is_reported=bool(call.words),
            )
            call.status = str(became)
            if became is Overdue.ABANDONED:
                self.ledger.failed(call.outcome.call_id)
        if self.status == "closing" and not self._is_open():
            self.status = "completed"
        found = await self._differences()
        return [f"sweep: {one}" for one in found] + [f"sweep: {code}"] * (code != "ok")

    async def _differences(self) -> list[str]:
        kept = (await stored(self.seat.stage.watch, [self.seat.session_id]))[self.seat.session_id]
        row, state = kept.row, fold((event["type"], event["body"]) for event in kept.events)
        if self.status == "closing" and not self._is_open() and row["status"] == "completed":
            # The service's own sweeper came by.
            self.status = "completed"
        statuses = {call["call_id"]: call["status"] for call in kept.calls}
        live = [key for key in kept.effects if key["released_at"] is None]
        return broken(
            {
                "the fold is the state": encode_state(state) == bytes(row["state"]),
                f"the session is {self.status}, not {row['status']}": row["status"] == self.status,
                f"the fence is {self.fence}, not {row['fence']}": row["fence"] == self.fence,
                "every call stands where it should": statuses
                == {call.outcome.call_id: call.status for call in self.calls},
                "the same calls count": state.counted == self.ledger.counted,
                "the same steps count": state.steps == len(self.ledger.steps),
                "the same effects are held": len(live) == len(self.ledger.effect_keys),
            }
        )
