"""What the circuit breaker counts as an error: a call that went wrong, once, however it is told."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar
from tests.conftest import found
from tests.replay.desk import Desk, Worker
from tests.replay.passing import Pass, let_time_pass
from tests.replay.test_levels import CONTRACT, NUMBERS, WatchedDesk
from tests.replay.twofold import EVENTS, policy_of

from placet.authority.server_keys import ServerKeys
from placet.kernel.clock import SystemClock
from placet.kernel.ids import Ids
from placet.kernel.principal import Environment
from placet.policy.facts import COST_MICROS_MAX
from placet.policy.holding import Holding
from placet.policy.ledger import Ledger
from placet.policy.paths import MISSING
from placet.replay.calls.events import CallCosted, FailureReported
from placet.replay.calls.fold import evolve, fold
from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.rules import decode_state, encode_state, opening_state
from placet.replay.sessions.state import ERRED_MAX, SessionState
from placet.storage.database import Database

__all__ = ["let_time_pass"]

STATE = sa.text("SELECT state FROM placet.replay_session WHERE session_id = :session")
PAY = Holding(
    tool="pay",
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
# What is told of two calls, how many errors that leaves, and the most that there were meanwhile.
TOLD: list[tuple[list[str], int, int]] = [
    (["unknown"], 0, 0),
    (["failed"], 1, 1),
    (["timed_out"], 1, 1),
    (["failed", "failed"], 1, 1),
    (["failed", "timed_out"], 1, 1),
    (["timed_out", "failed"], 1, 1),
    (["unknown", "timed_out"], 1, 1),
    (["unknown", "failed", "timed_out"], 1, 1),
    (["failed", "unknown", "found failed"], 1, 1),
    (["timed_out", "found failed"], 1, 1),
    (["unknown", "found failed"], 1, 1),
    (["failed", "unknown", "found succeeded"], 0, 1),
    (["failed", "other failed", "other timed_out"], 2, 2),
    (["timed_out", "other unknown", "other found succeeded", "found failed"], 0, 1),
    (["unknown", "found failed", "other failed"], 2, 2),
]


def contract(**most: int) -> dict[str, Any]:
    """Return the contract of the till, with a circuit breaker if one is named."""
    breaker = {"circuit_breaker": most} if most else {}
    return {**CONTRACT, "session": {"limits": CONTRACT["session"]["limits"] | breaker}}


@dataclass
class Till:
    """Two calls of one session whose host nobody knows, so that no claim is good enough."""

    worker: Worker
    calls: list[dict[str, Any]]
    let_time_pass: Pass

    async def tell(self, word: str) -> dict[str, Any]:
        """Report on a call, or have an operator say what was found to have become of it."""
        call = self.calls[word.startswith("other ")]
        word = word.removeprefix("other ")
        if not word.startswith("found "):
            told = await self.worker.report(call, word)
            assert not told["settled"], told
            return told
        asked = {
            "settlement_id": str(self.worker.desk.ids.new()),
            "call_id": call["call_id"],
            "outcome": word.removeprefix("found "),
            "reason": "looked at the books",
        }
        if asked["outcome"] == "failed":
            await self.let_time_pass(self.worker)
        key = self.worker.desk.operator_key
        answered = await self.worker.post("settlements", asked, key)
        assert answered.status_code == 200, answered.text
        body: dict[str, Any] = answered.json()
        return body

    async def state(self) -> SessionState:
        """Return the state, which is the fold of the events."""
        async with self.worker.desk.db.reading(self.worker.desk.operator) as tx:
            events = await tx.rows(EVENTS.bindparams(session=self.worker.session_id))
            (row,) = await tx.rows(STATE.bindparams(session=self.worker.session_id))
        assert encode_state(fold((event.type, event.body) for event in events)) == row.state
        return decode_state(row.state)


@pytest.fixture(scope="module")
async def production(
    app: Litestar, client: httpx.AsyncClient, db: Database, ids: Ids
) -> WatchedDesk:
    """A desk at which a failure of what is grave must be attested."""
    desk = WatchedDesk(client, db, ids, await found(db, ids))
    await desk.approve(app.state[ServerKeys.__name__], contract(), Environment.PRODUCTION)
    return desk


async def till(desk: Desk, let_time_pass: Pass) -> Till:
    worker = await desk.worker()
    calls = await worker.propose(*(("pay", {"n": next(NUMBERS)}) for _ in range(2)))
    return Till(worker, calls, let_time_pass)


@pytest.mark.parametrize("forgets", [False, True], ids=["warm", "cold"])
@pytest.mark.parametrize("told", TOLD, ids=str)
async def test_a_call_is_one_error_at_most(
    production: WatchedDesk,
    app: Litestar,
    let_time_pass: Pass,
    told: tuple[list[str], int, int],
    *,
    forgets: bool,
) -> None:
    words, errors, _ = told
    runtime: Runtime = app.state[Runtime.__name__]
    here = await till(production, let_time_pass)
    for word in words:
        if forgets:
            runtime.memory = Memory()
        await here.tell(word)
    assert (await here.state()).errors == errors


@pytest.mark.parametrize(("words", "errors", "most"), TOLD, ids=str)
def test_the_ledger_of_recorded_calls_counts_the_same(
    words: list[str], errors: int, most: int
) -> None:
    assert errors <= most
    for limit in (1, 2, 3):
        ledger = Ledger(policy_of(contract(consecutive_errors=limit)), SystemClock().now())
        for call in "ab":
            ledger.grant(call, PAY, ledger.started_at, 1)
        for word in words:
            call = "b" if word.startswith("other ") else "a"
            match word.removeprefix("other "):
                case "found failed":
                    ledger.failed(call)
                case "found succeeded":
                    ledger.succeeded(call, MISSING, ledger.started_at)
                case "failed" | "timed_out":
                    ledger.timed_out(call)
        assert (ledger.killed_by == "consecutive_errors") is (limit <= most)


async def test_claims_that_are_too_weak_stop_the_session_all_the_same(
    production: WatchedDesk, let_time_pass: Pass
) -> None:
    await production.approve_again(contract(consecutive_errors=2))
    here = await till(production, let_time_pass)
    assert (await here.tell("failed"))["stopped"] is None
    assert (await here.tell("failed"))["stopped"] is None
    stopped = (await here.tell("other failed"))["stopped"]
    assert stopped == {"limit": "consecutive_errors", "call_id": here.calls[1]["call_id"]}
    assert (await here.worker.read())["status"] == "killed"
    events = [event["type"] for event in await here.worker.events()]
    assert events[-3:] == ["ReceiptReceived", "FailureReported", "SessionStopped"]


def test_of_many_calls_that_went_wrong_the_latest_are_remembered() -> None:
    state = opening_state(None)
    calls = [UUID(int=number) for number in range(ERRED_MAX + 1)]
    for call_id in calls:
        state = evolve(state, FailureReported(call_id=call_id, tool="pay"))
    assert state.errors == len(calls)
    assert state.erred == [str(call_id) for call_id in calls[1:]]
    assert evolve(state, FailureReported(call_id=calls[-1], tool="pay")) == state


@pytest.mark.parametrize("costs", [(5, 7), (COST_MICROS_MAX - 1, 9), (COST_MICROS_MAX, 1)])
def test_costs_come_to_as_much_in_the_ledger_as_in_the_state(costs: tuple[int, int]) -> None:
    ledger = Ledger(policy_of(contract()), SystemClock().now())
    state = opening_state(None)
    told: dict[str, int] = {}
    for call in "ab":
        ledger.grant(call, PAY, ledger.started_at, 1)
    for call, micros in zip("aba", (*costs, 3), strict=True):
        ledger.spent(call, micros)
        said = CallCosted(
            call_id=UUID(int=ord(call)), tool="pay", micros=micros, before=told.get(call)
        )
        state, told[call] = evolve(state, said), micros
        assert ledger.cost_micros == state.cost_micros <= COST_MICROS_MAX
