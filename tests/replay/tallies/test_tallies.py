"""What sessions share and cannot share out, call by call over HTTP."""

import pytest
from litestar import Litestar
from tests.replay.desk import Desk
from tests.replay.passing import Pass, let_time_pass, sweep_all
from tests.replay.slices.purse import acting_for
from tests.replay.tallies.wide import Bounds, marks, pay, together, wide

from placet.authority.server_keys import ServerKeys
from placet.plans.model import Enforcement
from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime

__all__ = ["let_time_pass"]
TO_TWO: Bounds = {"op": "distinct", "path": "$.to", "lte": 2}


async def test_a_call_that_failed_makes_room_for_another_sessions(desk: Desk) -> None:
    work = await together(desk, wide(TO_TWO), sessions=2)
    one, other = work.sessions
    first, second = await one.propose(pay(1, "a"), pay(1, "b"))
    (denied,) = await other.propose(pay(1, "c"))
    assert (denied["verdict"], denied["layer"]) == ("deny", 9)
    assert [reason["code"] for reason in denied["reasons"]] == ["aggregate_exceeded"]
    await one.report(first, "failed")
    await one.report(second, "succeeded", output={})
    assert [is_committed for _, is_committed in await marks(desk)] == [True]
    (granted,) = await other.propose(pay(1, "c"))
    assert granted["verdict"] == "allow"
    assert work.judged() == work.simulated()


async def test_a_call_that_committed_at_its_grant_gives_back_when_it_fails_late(desk: Desk) -> None:
    often: Bounds = {"op": "count", "tool": "peek", "lte": 9, "gte": 1}
    work = await together(desk, wide(often, {"op": "max", "tool": "peek", "lte": 5}), sessions=2)
    one, _ = work.sessions
    (call,) = await one.propose(pay(4, name="peek"))
    assert [value for value, is_committed in await marks(desk) if is_committed] == [1, 4]
    await one.report(call, "failed")
    assert await marks(desk) == []
    assert work.judged() == work.simulated()


async def test_sessions_for_others_and_of_other_agents_count_apart_or_not_by_scope(
    desk: Desk,
) -> None:
    principal = TO_TWO | {"scope": "principal"}
    await desk.approve_again(wide(principal))
    ann, ben = await acting_for(desk, {"id": "ann"}), await acting_for(desk, {"id": "ben"})
    again = await acting_for(desk, {"id": "ann"})
    for worker, to, verdict in (
        (ann, "a", "allow"),
        (ben, "b", "allow"),
        (again, "b", "allow"),
        (ann, "c", "deny"),
        (ben, "c", "allow"),
        (again, "a", "allow"),
        (ben, "a", "deny"),
    ):
        (call,) = await worker.propose(pay(1, to))
        assert call["verdict"] == verdict, (worker, to)


async def test_nobody_without_an_id_is_let_through_for_a_principal(desk: Desk) -> None:
    work = await together(desk, wide(TO_TWO | {"scope": "principal"}), sessions=1)
    (call,) = await work.sessions[0].propose(pay(1, "a"))
    assert [reason["code"] for reason in call["reasons"]] == ["aggregate_missing"]
    assert await marks(desk) == []


async def test_a_lower_and_an_upper_bound_on_one_sum_hold_over_sessions(desk: Desk) -> None:
    work = await together(desk, wide({"op": "sum", "gte": 10, "lte": 30}), sessions=2)
    one, other = work.sessions
    (first,) = await one.propose(pay(12))
    (open_,) = await other.propose(pay(4))
    await one.report(first, "succeeded", output={})
    (kept,) = await other.propose(pay(4))
    (above,) = await other.propose(pay(15))
    assert [one["verdict"] for one in (first, open_, kept, above)] == [
        "allow",
        "deny",
        "allow",
        "deny",
    ]
    assert work.judged() == work.simulated()


@pytest.mark.parametrize("forgets", [False, True])
async def test_calls_of_one_response_count_beside_each_other(
    desk: Desk, app: Litestar, *, forgets: bool
) -> None:
    work = await together(desk, wide(TO_TWO), sessions=2)
    one, other = work.sessions
    await one.propose(pay(1, "a"))
    if forgets:
        app.state[Runtime.__name__].memory = Memory()
    calls = await other.propose(pay(1, "b"), pay(1, "c"), pay(1, "a"), pay(1, "b"))
    assert [call["verdict"] for call in calls] == ["allow", "deny", "allow", "allow"]
    assert work.judged() == work.simulated()


async def test_values_that_are_equal_are_one_and_exact_ones_stay_apart(desk: Desk) -> None:
    rule: Bounds = {"op": "distinct", "path": "$.amount", "lte": 2}
    work = await together(desk, wide(rule), sessions=2)
    one, other = work.sessions
    (first,) = await one.propose(pay(1))
    (same,) = await other.propose(pay(1.0))
    (near,) = await other.propose(pay(10**30 + 1))
    (nearer,) = await one.propose(pay(10**30 + 2))
    verdicts = [call["verdict"] for call in (first, same, near, nearer)]
    assert verdicts == ["allow", "allow", "allow", "deny"]
    assert work.judged() == work.simulated()


async def test_what_is_large_and_what_is_small_is_compared_exactly(desk: Desk) -> None:
    work = await together(desk, wide({"op": "max", "lte": 10**40}, {"op": "min", "gt": 0}), 2)
    one, other = work.sessions
    (first,) = await one.propose(pay(10**40))
    (above,) = await other.propose(pay(10**40 + 1))
    (small,) = await other.propose(pay(1e-300))
    (nothing,) = await other.propose(pay(0))
    verdicts = [call["verdict"] for call in (first, above, small, nothing)]
    assert verdicts == ["allow", "deny", "allow", "deny"]
    assert work.judged() == work.simulated()


async def test_what_was_never_begun_is_given_back_by_the_sweeper(
    desk: Desk, app: Litestar, let_time_pass: Pass
) -> None:
    work = await together(desk, wide(TO_TWO | {"tool": "grave"}), sessions=2)
    one, other = work.sessions
    await one.propose(pay(1, "a", "grave"), pay(1, "b", "grave"))
    (denied,) = await other.propose(pay(1, "c", "grave"))
    assert denied["verdict"] == "deny"
    await let_time_pass(one.worker)
    await sweep_all(app.state[Runtime.__name__])
    assert await marks(desk) == []
    (granted,) = await other.propose(pay(1, "c", "grave"))
    assert granted["verdict"] == "allow"


async def test_a_response_that_is_told_again_marks_once(desk: Desk) -> None:
    worker = (await together(desk, wide(TO_TWO), sessions=1)).sessions[0].worker
    asked = worker.proposal(await worker.prepare(), pay(1, "a"))
    for is_again in (False, True):
        answered = (await worker.post("proposals", asked)).json()
        assert (answered["replayed"], answered["calls"][0]["status"]) == (is_again, "granted")
    assert len(await marks(desk)) == 1


async def test_what_is_refused_as_a_whole_marks_nothing(desk: Desk) -> None:
    work = await together(desk, wide({"op": "max", "lte": 5}, gate="reject_all"), sessions=1)
    calls = await work.sessions[0].propose(pay(4), pay(6))
    assert [call["status"] for call in calls] == ["blocked", "blocked"]
    assert await marks(desk) == []


async def test_a_response_of_too_many_calls_is_denied_whatever_else_they_are(desk: Desk) -> None:
    document = wide(TO_TWO)
    document["session"]["limits"] = {"max_tool_calls": 1}
    work = await together(desk, document, sessions=1)
    calls = await work.sessions[0].propose(*[pay(1, to) for to in ("a", "b", "c")])
    assert [call["layer"] for call in calls] == [10, 10, 9]
    assert work.judged() == work.simulated()
    assert await marks(desk) == []


async def test_a_session_that_only_records_looks_and_marks_nothing(
    desk: Desk, app: Litestar
) -> None:
    tenant = TO_TWO | {"scope": "tenant"}
    highest: Bounds = {"op": "max", "scope": "tenant", "lte": 50, "gte": 2}
    document = wide(tenant, highest)
    watching = Desk(desk.client, desk.db, desk.ids, desk.workplace)
    await watching.approve(
        app.state[ServerKeys.__name__],
        document | {"agent": "watched"},
        agent="watched",
        enforcement=Enforcement.REPORT,
    )
    (one,) = (await together(desk, document, sessions=1)).sessions
    watched = await watching.worker()

    async def said(amount: int, to: str) -> str:
        (call,) = await watched.propose(pay(amount, to))
        verdict: str = call["verdict"]
        return verdict

    assert [await said(2, to) for to in ("a", "b", "c")] == ["allow", "allow", "deny"]
    assert await marks(desk) == []
    (granted,) = await one.propose(pay(50, "d"))
    assert granted["verdict"] == "allow"
    assert [await said(2, to) for to in ("a", "d")] == ["deny", "deny"]
    assert [value for value, _ in await marks(desk) if value is not None] == [50]


async def test_a_contract_without_such_bounds_marks_nothing(desk: Desk) -> None:
    session: Bounds = {"op": "max", "scope": "session", "lte": 5}
    document = wide(session, {"op": "sum", "lte": 9})
    work = await together(desk, document, sessions=1)
    (call,) = await work.sessions[0].propose(pay(5))
    assert call["verdict"] == "allow"
    assert await marks(desk) == []
