"""What sessions take together is held to its bound, over HTTP."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from litestar import Litestar
from tests.conftest import Server, found
from tests.replay.desk import Desk, Worker
from tests.replay.passing import Pass, let_time_pass, sweep_all
from tests.replay.slices.purse import acting_for, books, paid, pay, purse
from tests.replay.twofold import begun

from placet.authority.server_keys import ServerKeys
from placet.plans.model import Enforcement
from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime

__all__ = ["let_time_pass"]
HUNDRED: dict[str, object] = {"lte": 100}
Two = tuple[Worker, Worker]
Age = Callable[[int], Awaitable[None]]


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    """Return what the service remembers of sessions."""
    made: Runtime = app.state[Runtime.__name__]
    return made


@pytest.fixture
def grow_older(server: Server, database_name: str) -> Age:
    """Let everything that was committed have been so many seconds earlier, as only time can."""

    async def older(seconds: int) -> None:
        admin = await asyncpg.connect(server.admin(database_name))
        for table in ("replay_wide_amount", "replay_amount"):
            await admin.execute(
                f"UPDATE placet.{table} SET committed_at = committed_at"  # noqa: S608 -- a table of ours
                f" - make_interval(secs => {seconds}) WHERE committed_at IS NOT NULL"
            )
        await admin.close()

    return older


async def two(desk: Desk, document: dict[str, Any]) -> Two:
    """Return workers on two sessions under another contract."""
    return (await begun(desk, document)).worker, await desk.worker()


async def test_what_two_sessions_take_together_keeps_the_bound(desk: Desk) -> None:
    one, other = await two(desk, purse(HUNDRED))
    (call,) = await one.propose(pay(60))
    await one.report(call)
    (denied,) = await other.propose(pay(41))
    assert (denied["verdict"], denied["layer"]) == ("deny", 9)
    assert [reason["code"] for reason in denied["reasons"]] == ["aggregate_exceeded"]
    assert await paid(other, 40) == ["allow"]
    assert await paid(one, 1) == ["deny"]
    assert await books(desk) == {"paid_0": (Decimal(100), Decimal(0))}


async def test_calls_of_one_response_are_added_up(desk: Desk) -> None:
    one, other = await two(desk, purse(HUNDRED))
    assert await paid(one, 30, 30, 40, 1) == ["allow", "allow", "allow", "deny"]
    assert await paid(other, 0) == ["allow"]
    assert await paid(other, 0.5, 1) == ["deny", "deny"]
    assert await books(desk) == {"paid_0": (Decimal(100), Decimal(0))}


async def test_what_is_refused_as_a_whole_takes_nothing(desk: Desk) -> None:
    one, other = await two(desk, purse(HUNDRED, gate="reject_all"))
    assert await paid(other, 90) == ["allow"]
    blocked, denied = await one.propose(pay(10), pay(11))
    assert (blocked["blocked_why"], denied["layer"]) == ("response_refused", 9)
    assert (await books(desk))["paid_0"][0] == 90
    assert await paid(one, 10) == ["allow"]


async def test_below_a_bound_is_not_at_it(desk: Desk) -> None:
    one, other = await two(desk, purse({"lt": 100}))
    assert await paid(one, 50) == ["allow"]
    assert await paid(other, 50) == ["deny"]
    assert await paid(other, 49.5) == ["allow"]
    assert (await books(desk))["paid_0"][0] == Decimal("99.5")


async def test_calls_are_counted_as_amounts_are_added(desk: Desk) -> None:
    document = purse({"op": "count", "lte": 3}, {"lte": 1000})
    del document["session"]["aggregates"][0]["path"]
    one, other = await two(desk, document)
    assert await paid(one, 1, 1) == ["allow", "allow"]
    assert await paid(other, 1, 1) == ["allow", "deny"]
    assert (await books(desk))["paid_0"][0] == 3


async def test_a_session_fetches_more_than_it_needs_and_the_next_calls_need_no_parent(
    desk: Desk,
) -> None:
    one, _ = await two(desk, purse(HUNDRED))
    assert await paid(one, 4) == ["allow"]
    assert await books(desk) == {"paid_0": (4, 12)}
    assert await paid(one, 8) == ["allow"]
    assert await books(desk) == {"paid_0": (12, 4)}
    assert await paid(one, 5) == ["allow"]
    assert await books(desk) == {"paid_0": (17, 10)}


async def test_the_last_of_an_allowance_goes_in_single_amounts(desk: Desk) -> None:
    one, other = await two(desk, purse(HUNDRED))
    assert await paid(one, 60) == ["allow"]
    assert await paid(other, 6) == ["allow"]
    assert await books(desk) == {"paid_0": (66, 0)}


async def test_what_another_session_holds_and_does_not_use_denies_nothing(desk: Desk) -> None:
    one, other = await two(desk, purse(HUNDRED))
    assert await paid(one, 4) == ["allow"]
    assert (await books(desk))["paid_0"] == (4, 12)
    assert await paid(other, 96) == ["allow"]
    assert await books(desk) == {"paid_0": (100, 0)}
    assert await paid(one, 1) == ["deny"]


async def test_a_failure_gives_back_and_an_unknown_outcome_does_not(
    desk: Desk, let_time_pass: Pass
) -> None:
    one, other = await two(desk, purse(HUNDRED))
    first, second = await one.propose(pay(70), pay(30))
    await one.report(first, "timed_out")
    assert await paid(other, 1) == ["deny"]
    await one.report(second, "failed")
    assert await books(desk) == {"paid_0": (70, 30)}
    assert await paid(other, 31, 30) == ["deny", "allow"]
    settled = {
        "settlement_id": str(desk.ids.new()),
        "call_id": first["call_id"],
        "outcome": "failed",
        "reason": "looked at the books",
    }
    await let_time_pass(one)
    await one.post("settlements", settled, desk.operator_key)
    assert (await books(desk))["paid_0"] == (30, 70)
    assert await paid(other, 70) == ["allow"]


async def test_an_end_gives_back_what_is_held_and_nothing_that_is_used(desk: Desk) -> None:
    one, other = await two(desk, purse(HUNDRED))
    assert await paid(one, 4) == ["allow"]
    (call,) = await other.propose(pay(4))
    assert (await books(desk))["paid_0"] == (8, 22)
    await one.post("kill", {"reason": "enough"}, desk.operator_key)
    assert (await books(desk))["paid_0"] == (8, 10)
    await other.report(call)
    await other.post("close", {"reason": "done"})
    assert (await other.read())["status"] == "completed"
    assert (await books(desk))["paid_0"] == (8, 0)


async def test_what_fails_after_the_end_is_given_back_too(desk: Desk, let_time_pass: Pass) -> None:
    one, other = await two(desk, purse(HUNDRED))
    (call,) = await one.propose(pay(100))
    await one.post("kill", {"reason": "enough"}, desk.operator_key)
    assert await paid(other, 1) == ["deny"]
    await let_time_pass(one)
    settled = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "failed",
        "reason": "looked at the books",
    }
    answered = await one.post("settlements", settled, desk.operator_key)
    assert answered.status_code == 200, answered.text
    assert await books(desk) == {"paid_0": (0, 0)}
    assert await paid(other, 100) == ["allow"]


async def test_what_was_abandoned_is_given_back_by_the_sweeper(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    one, other = await two(desk, purse(HUNDRED | {"tool": "grave"}))
    assert await paid(one, 100, name="grave") == ["allow"]
    assert await paid(other, 1, name="grave") == ["deny"]
    await let_time_pass(one)
    await sweep_all(runtime)
    assert (await books(desk))["paid_0"] == (0, 100)
    assert await paid(other, 100, name="grave") == ["allow"]


async def test_what_left_its_window_counts_no_more_and_what_is_open_does(
    desk: Desk, grow_older: Age
) -> None:
    one, other = await two(desk, purse(HUNDRED | {"window_seconds": 3600}))
    first, second = await one.propose(pay(60), pay(40))
    await one.report(first)
    assert await paid(other, 1) == ["deny"]
    await grow_older(3500)
    assert await paid(other, 1) == ["deny"]
    await grow_older(101)
    assert await paid(other, 61) == ["deny"]
    assert await paid(other, 60) == ["allow"]
    await one.report(second, "failed")
    assert await paid(other, 40) == ["allow"]
    assert await paid(one, 1) == ["deny"]


async def test_what_commits_at_its_grant_and_fails_later_is_not_held_anew_under_a_window(
    desk: Desk,
) -> None:
    document = purse(HUNDRED | {"tool": "peek", "window_seconds": 3600}, HUNDRED | {"tool": "peek"})
    one, other = await two(desk, document)
    (call,) = await one.propose(pay(100, "peek"))
    assert await paid(other, 1, name="peek") == ["deny"]
    await one.report(call, "failed")
    assert await books(desk) == {"paid_0": (0, 0), "paid_1": (0, 100)}
    assert await paid(other, 100, name="peek") == ["allow"]


async def test_another_bound_under_a_later_approval_is_kept_by_the_sessions_under_it(
    desk: Desk,
) -> None:
    one, _ = await two(desk, purse({"lte": 50}))
    later, _ = await two(desk, purse({"lte": 80}))
    assert await paid(one, 50) == ["allow"]
    assert await paid(later, 31, 30) == ["deny", "allow"]
    assert await paid(one, 1) == ["deny"]


async def test_another_agent_has_an_allowance_of_its_own_and_one_tenant_has_one(
    desk: Desk, app: Litestar
) -> None:
    document = purse(HUNDRED, {"scope": "tenant", "lte": 150})
    one, _ = await two(desk, document)
    assert await paid(one, 100) == ["allow"]
    elsewhere = Desk(desk.client, desk.db, desk.ids, desk.workplace)
    keys = app.state[ServerKeys.__name__]
    await elsewhere.approve(keys, document | {"agent": "other-desk"}, agent="other-desk")
    other = await elsewhere.worker()
    denied, allowed = await other.propose(pay(51), pay(50))
    assert (denied["verdict"], allowed["verdict"]) == ("deny", "allow")
    assert [reason["rule"] for reason in denied["reasons"]] == ["session.aggregates[1].lte"]
    stranger = Desk(desk.client, desk.db, desk.ids, await found(desk.db, desk.ids))
    await stranger.approve(keys, document)
    assert await paid(await stranger.worker(), 100) == ["allow"]


@pytest.mark.parametrize("forgets", [False, True])
async def test_a_process_that_remembers_nothing_decides_the_same(
    desk: Desk, runtime: Runtime, *, forgets: bool
) -> None:
    one, other = await two(desk, purse(HUNDRED))
    said = []
    for amount in (30, 30, 30, 20, 10, 1):
        for worker in (one, other):
            if forgets:
                runtime.memory = Memory()
            said += await paid(worker, amount)
    assert said == ["allow"] * 3 + ["deny"] * 5 + ["allow"] + ["deny"] * 3
    assert (await books(desk))["paid_0"] == (100, 0)


async def test_calls_at_once_take_as_proposals_do(desk: Desk) -> None:
    one, other = await two(desk, purse(HUNDRED))

    async def at_once(worker: Worker, amount: int) -> str:
        asked = {"tool_calls": [{"id": "a", "name": "pay", "arguments": f'{{"amount": {amount}}}'}]}
        answered = await worker.post("calls", asked)
        assert answered.status_code == 200, answered.text
        verdict: str = answered.json()["calls"][0]["verdict"]
        return verdict

    assert await at_once(one, 60) == "allow"
    assert await at_once(other, 41) == "deny"
    assert await at_once(other, 40) == "allow"


async def test_a_response_that_is_told_again_takes_once(desk: Desk) -> None:
    one, other = await two(desk, purse(HUNDRED))
    asked = one.proposal(await one.prepare(), pay(60))
    for is_again in (False, True):
        answered = (await one.post("proposals", asked)).json()
        assert (answered["replayed"], answered["calls"][0]["status"]) == (is_again, "granted")
    assert (await books(desk))["paid_0"][0] == 60
    assert await paid(other, 40) == ["allow"]


async def test_a_denial_falls_as_soon_as_what_it_rested_on_does(desk: Desk) -> None:
    one, other = await two(desk, purse(HUNDRED))
    (call,) = await one.propose(pay(100))
    assert await paid(other, 1) == ["deny"]
    await one.report(call, "failed")
    assert await paid(other, 1) == ["allow"]


@pytest.fixture
async def watching(desk: Desk, app: Litestar) -> Desk:
    """Return another agent of the tenant, which is only watched."""
    made = Desk(desk.client, desk.db, desk.ids, desk.workplace)
    await made.approve(
        app.state[ServerKeys.__name__],
        purse({"scope": "tenant", "lte": 100}) | {"agent": "watched"},
        agent="watched",
        enforcement=Enforcement.REPORT,
    )
    return made


async def test_a_session_that_only_records_looks_and_takes_nothing(
    desk: Desk, watching: Desk
) -> None:
    one, other = await two(desk, purse({"scope": "tenant", "lte": 100}))
    watched = await watching.worker()
    assert await paid(watched, 60) == ["allow"]
    assert await paid(watched, 41) == ["deny"]
    assert await paid(one, 90) == ["allow"]
    assert await paid(watched, 1) == ["deny"]
    assert (await books(desk))["paid_0"] == (90, 0)
    assert await paid(await watching.worker(), 11, 10) == ["deny", "allow"]
    assert await paid(other, 10) == ["allow"]


async def test_a_principal_has_one_allowance_through_all_agents_and_no_one_has_none(
    desk: Desk, app: Litestar
) -> None:
    document = purse({"scope": "principal", "lte": 100})
    await desk.approve_again(document)
    ann, other = await acting_for(desk, {"id": "ann"}), await acting_for(desk, {"id": "ben"})
    assert await paid(ann, 60) == ["allow"]
    assert await paid(other, 100) == ["allow"]
    elsewhere = Desk(desk.client, desk.db, desk.ids, desk.workplace)
    keys = app.state[ServerKeys.__name__]
    await elsewhere.approve(keys, document | {"agent": "other-desk"}, agent="other-desk")
    again = await acting_for(elsewhere, {"id": "ann", "department": "support"}, "other-desk")
    assert await paid(again, 41, 40) == ["deny", "allow"]
    nobody = await acting_for(desk, {"department": "support"})
    (denied,) = await nobody.propose(pay(1))
    assert (denied["layer"], denied["reasons"][0]["code"]) == (9, "aggregate_missing")
