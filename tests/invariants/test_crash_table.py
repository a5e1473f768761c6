"""What a crash leaves behind at each place of the protocol, and who closes it.

Each test is one row of the table of crashes: a service in a process of its own ends by itself at a
named point, another one goes on, and the first answer is the only one. What is kept of the session
is the fold of its events after each of them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from tests.invariants.guards import MUTANTS
from tests.invariants.interleave import came_to
from tests.invariants.mutants import installed
from tests.invariants.service import Service
from tests.invariants.stage import NOTE, Stage
from tests.replay.asks.people import ESCALATE, AskDesk
from tests.replay.desk import REQUEST_HASH, Worker
from tests.webhooks.receiver import receiving

from placet.replay.calls.fold import fold
from placet.replay.sessions.rules import encode_state
from placet.server.app import Loop
from placet.storage.work import SWEEP_SESSION
from placet.worker.sweeper import sweeper
from placet.worker.webhooks import webhooks

PREFLIGHT = {"request_hash": REQUEST_HASH}
ENOUGH = {"reason": "enough"}
PAST = "clock_timestamp() - interval '1 second'"


def dying(stage: Stage, failing: str, *loops: Loop) -> Service:
    """Return a service of the stage that will fail there."""
    return Service(stage.place.folder, stage.place.database_url, failing=failing, loops=loops)


async def dies(service: Service, request: Awaitable[httpx.Response]) -> None:
    """Send a request, and hold that the service ended by itself before it answered."""

    async def sent() -> object:
        return await request

    assert isinstance(await came_to(sent), httpx.TransportError)
    assert await service.died()


async def whole(stage: Stage, worker: Worker) -> list[str]:
    """Hold that the state is the fold of the events, and return the types of these."""
    state, events = await stage.states(worker)
    assert encode_state(fold(events)) == state
    return [kind for kind, _ in events]


async def calls(stage: Stage, worker: Worker) -> list[asyncpg.Record]:
    """Return the calls of a session in their order."""
    return await stage.calls(stage.hand(0, worker.session_id))


async def let_time_pass(stage: Stage, worker: Worker) -> None:
    """Let every deadline of a session lie in the past."""
    async with stage.owner.transaction():
        tenant = str(worker.desk.workplace.tenant_id)
        await stage.owner.execute("SELECT set_config('placet.tenant', $1, true)", tenant)
        for table, column in (
            ("replay_pending_call", "grant_expires_at"),
            ("replay_prepared_request", "expires_at"),
        ):
            await stage.owner.execute(
                f"UPDATE placet.{table} SET {column} = {PAST}"  # noqa: S608 -- a column of ours
                f" WHERE session_id = $1 AND {column} IS NOT NULL",
                worker.session_id,
            )
        await stage.owner.execute(
            "UPDATE placet.replay_session SET next_due_at = '-infinity' WHERE session_id = $1",
            worker.session_id,
        )
        await stage.owner.execute(
            f"UPDATE placet.work_due SET due_at = {PAST} WHERE ref = $1",  # noqa: S608 -- the same
            worker.session_id,
        )


async def refund(worker: Worker, order: str) -> dict[str, Any]:
    """Have a refund granted, all that it requires done before."""
    await worker.look_up(order)
    asked = ("issue_refund", {"order_id": order, "amount_cents": 4000})
    (call,) = await worker.propose(asked)
    assert call["status"] == "granted", call
    return call


async def stolen(service: Service, worker: Worker) -> Worker:
    """Return another process, to which an operator gave the worker's lease."""
    heir = service.worker(Worker(worker.desk, worker.session_id))
    assert (await heir.lease("steal", reason="it hangs")).status_code == 200
    return heir


async def test_a_lease_whose_answer_was_lost_is_the_same_for_the_same_question(
    stage: Stage, service: Service
) -> None:
    worker = Worker(stage.desk, await stage.desk.session())
    asked = {"action": "grant", "holder": worker.holder, "request_id": str(stage.desk.ids.new())}
    async with dying(stage, "after:lease_v1=kill") as first:
        await dies(first, first.worker(worker).post("lease", asked))
    mine = service.worker(worker)
    again = (await mine.post("lease", asked)).json()
    anew = (await mine.lease()).status_code, mine.fence
    assert again["fence"]["n"] == 1
    assert anew == (200, (again["fence"]["epoch"], 2))
    await whole(stage, worker)


async def test_a_preflight_whose_answer_was_lost_leaves_a_request_that_only_expires(
    stage: Stage, service: Service
) -> None:
    worker = await stage.desk.worker()
    async with dying(stage, "answer:preflight=kill") as first:
        await dies(first, first.worker(worker).post("preflight", PREFLIGHT))
    lost = await stage.watch.fetchval(
        "SELECT prepared_request_id FROM placet.replay_prepared_request WHERE session_id = $1",
        worker.session_id,
    )
    await let_time_pass(stage, worker)
    mine = service.worker(worker)
    prepared = await mine.prepare()
    late = mine.proposal({**prepared, "prepared_request_id": str(lost)}, NOTE)
    refused = await mine.post("proposals", late)
    taken = await mine.post("proposals", mine.proposal(prepared, NOTE))
    assert prepared["request_seq"] == 2
    assert (refused.status_code, refused.json()["code"]) == (409, "prepared_request_expired")
    assert taken.json()["calls"][0]["status"] == "granted"
    await whole(stage, worker)


@pytest.mark.parametrize("point", ["after:propose_v1@2", "answer:proposals"])
async def test_a_response_whose_answer_was_lost_gets_its_first_answer_and_its_grants(
    stage: Stage, service: Service, point: str
) -> None:
    worker = await stage.desk.worker()
    asked = worker.proposal(await worker.prepare(), NOTE, NOTE)
    async with dying(stage, f"{point}=kill") as first:
        await dies(first, first.worker(worker).post("proposals", asked))
    before = await stage.footprint(worker)
    mine = service.worker(worker)
    again = (await mine.post("proposals", asked)).json()
    assert await stage.footprint(worker) == before
    assert again["replayed"]
    assert [call["status"] for call in again["calls"]] == ["granted", "granted"]
    assert all(call["grant"] for call in again["calls"])
    assert [(await mine.report(call))["commit_state"] for call in again["calls"]] == [
        "committed"
    ] * 2
    await whole(stage, worker)


async def test_a_grant_whose_tool_never_began_is_abandoned_and_begins_no_more(
    stage: Stage, service: Service
) -> None:
    worker = await stage.desk.worker()
    call = await refund(worker, stage.order())
    async with dying(stage, "before:start_v1=kill") as first:
        await dies(first, first.worker(worker).start(call))
    await let_time_pass(stage, worker)
    await stage.hand(0, worker.session_id).sweep()
    (_, kept) = await calls(stage, worker)
    heir = await stolen(service, worker)
    assert (kept["status"], kept["execution_state"]) == ("abandoned", "not_started")
    assert (await heir.start(call)).json()["code"] == "transition_not_allowed"
    assert (await whole(stage, worker)).count("CallAbandoned") == 1


async def test_a_tool_that_ended_after_a_take_over_is_told_late_and_cited_by_the_heir(
    stage: Stage, service: Service
) -> None:
    worker = await stage.desk.worker()
    (call,) = await worker.propose(NOTE)
    receipt = worker.receipt(call, output={})
    async with dying(stage, "answer:receipts=kill") as first:
        heir = await stolen(service, worker)
        await dies(first, first.worker(worker).post("receipts", receipt))
    late = (await service.worker(worker).post("receipts", receipt)).json()
    assert (late["replayed"], late["late"], late["settled"]) == (True, True, False)
    settlement = {
        "settlement_id": str(stage.desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "succeeded",
        "receipt_id": late["receipt_id"],
        "reason": "it was told late",
    }
    async with dying(stage, "after:settle_v1@2=kill") as second:
        await dies(second, second.worker(heir).post("settlements", settlement))
    cited = (await heir.post("settlements", settlement)).json()
    (kept,) = await calls(stage, worker)
    assert (cited["replayed"], cited["commit_state"]) == (True, "committed")
    assert str(kept["settled_by"]) in {late["receipt_id"], settlement["settlement_id"]}
    assert (await whole(stage, worker)).count("CallSettled") == 1


async def test_a_receipt_whose_answer_was_lost_is_answered_before_its_fence_is_looked_at(
    stage: Stage, service: Service
) -> None:
    worker = await stage.desk.worker()
    (call,) = await worker.propose(NOTE)
    receipt = worker.receipt(call, output={})
    async with dying(stage, "after:receipt_v1@2=kill") as first:
        await dies(first, first.worker(worker).post("receipts", receipt))
    await stolen(service, worker)
    before = await stage.footprint(worker)
    again = (await service.worker(worker).post("receipts", receipt)).json()
    assert (again["replayed"], again["late"], again["settled"]) == (True, False, True)
    assert await stage.footprint(worker) == before
    await whole(stage, worker)


async def test_a_time_out_that_was_a_success_is_two_receipts_and_a_settlement_decides(
    stage: Stage, service: Service
) -> None:
    worker = await stage.desk.worker()
    call = await refund(worker, stage.order())
    assert (await worker.start(call)).status_code == 200
    first_told = worker.receipt(call, "timed_out")
    async with dying(stage, "answer:receipts=kill") as first:
        await dies(first, first.worker(worker).post("receipts", first_told))
    mine = service.worker(worker)
    assert (await mine.post("receipts", first_told)).json()["replayed"]
    success = await mine.report(call, output={"id": "r1"})
    settlement = {
        "settlement_id": str(stage.desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "succeeded",
        "receipt_id": success["receipt_id"],
        "reason": "the bank has it",
    }
    decided = await mine.post("settlements", settlement, stage.desk.operator_key)
    receipts = await stage.watch.fetch(
        "SELECT status FROM placet.replay_execution_receipt WHERE pending_call_id = $1"
        " ORDER BY receipt_id",
        call["call_id"],
    )
    assert [row["status"] for row in receipts] == ["timed_out", "succeeded"]
    assert decided.status_code in {200, 409}, decided.text
    (_, kept) = await calls(stage, worker)
    assert (kept["execution_state"], kept["commit_state"]) == ("succeeded", "committed")
    assert (await whole(stage, worker)).count("CallSettled") == 2


@pytest.mark.parametrize("end", ["kill", "revocation"])
async def test_an_approval_that_its_session_outlived_grants_nothing(
    stage: Stage, service: Service, end: str
) -> None:
    alone = await stage.alone()
    worker = await alone.desk.worker()
    (call,) = await worker.propose(ESCALATE)
    async with dying(stage, "after:transaction=kill") as first:
        people = AskDesk(first.client, alone.desk.db, alone.desk.ids, alone.desk.workplace)
        await dies(first, people.vote(worker.session_id, alone.desk.signer, call))
    mine = service.worker(worker)
    answer = await mine.desk.get(
        f"{mine.path}/calls/{call['call_id']}/ask", alone.desk.signer.api_key
    )
    assert answer.json()["status"] == "approved"
    if end == "kill":
        ended = await mine.post("kill", ENOUGH, alone.desk.operator_key)
    else:
        path = f"/api/v1/studio/approvals/{alone.desk.approval_id}/revoke"
        ended = await mine.desk.post(path, ENOUGH, alone.desk.workplace.founder_key)
    assert ended.status_code == 200, ended.text
    claimed = await mine.post(
        f"calls/{call['call_id']}/claim", {"claim_id": str(alone.desk.ids.new())}
    )
    codes = {"kill": "session_killed", "revocation": "artifact_revoked"}
    assert (claimed.status_code, claimed.json()["code"]) == (410, codes[end])
    (kept,) = await calls(alone, worker)
    assert kept["granted_at"] is None
    await whole(stage, worker)


@pytest.mark.parametrize("scope", ["session", "tenant"])
async def test_after_a_kill_whose_answer_was_lost_nothing_is_granted(
    stage: Stage, service: Service, scope: str
) -> None:
    alone = await stage.alone()
    worker = await alone.desk.worker()
    prepared = await worker.prepare()
    function = {"session": "kill_v1", "tenant": "control_set_v1"}[scope]
    async with dying(stage, f"after:{function}=kill") as first:
        there = first.worker(worker)
        wide = there.desk.kill_tenant()
        await dies(
            first,
            there.post("kill", ENOUGH, alone.desk.operator_key) if scope == "session" else wide,
        )
        wide.close()
    mine = service.worker(worker)
    refused = await mine.post("proposals", mine.proposal(prepared, NOTE))
    assert (refused.status_code, refused.json()["code"]) == (410, f"{scope}_killed")
    assert await calls(alone, worker) == []
    await whole(stage, worker)


BEFORE = ("propose_v1", "receipt_v1")


@pytest.mark.parametrize("function", BEFORE)
async def test_what_was_not_written_before_a_crash_is_written_by_the_retry_alone(
    stage: Stage, service: Service, function: str
) -> None:
    worker = await stage.desk.worker()
    (call,) = await worker.propose(NOTE)
    verb, asked = {
        "propose_v1": ("proposals", worker.proposal(await worker.prepare(), NOTE)),
        "receipt_v1": ("receipts", worker.receipt(call)),
    }[function]
    before = await stage.footprint(worker)
    async with dying(stage, f"before:{function}@2=kill") as first:
        await dies(first, first.worker(worker).post(verb, asked))
    assert await stage.footprint(worker) == before
    again = await service.worker(worker).post(verb, asked)
    assert (again.status_code, again.json()["replayed"]) == (200, False)
    assert await stage.footprint(worker) != before
    await whole(stage, worker)


async def test_a_session_whose_opening_was_not_answered_is_opened_once(
    stage: Stage, service: Service
) -> None:
    key, path = stage.desk.ids.new().hex, "/api/v1/replay/sessions"
    count = "SELECT count(*) FROM placet.replay_session WHERE tenant_id = $1"
    tenant = stage.desk.workplace.tenant_id
    before = await stage.watch.fetchval(count, tenant)
    async with dying(stage, "after:transaction=kill") as first:
        await dies(first, first.desk(stage.desk).post(path, {}, Idempotency_Key=key))
    again = await service.desk(stage.desk).post(path, {}, Idempotency_Key=key)
    worker = await service.desk(stage.desk).worker(UUID(again.json()["session_id"]))
    assert again.status_code == 201
    assert await stage.watch.fetchval(count, tenant) == before + 1
    assert (await worker.propose(NOTE))[0]["status"] == "granted"
    await whole(stage, worker)


async def test_a_claim_whose_answer_was_lost_gets_its_grant_by_the_same_claim(
    stage: Stage, service: Service
) -> None:
    worker = await stage.desk.worker()
    (call,) = await worker.propose(ESCALATE)
    people = AskDesk(stage.desk.client, stage.desk.db, stage.desk.ids, stage.desk.workplace)
    assert (await people.vote(worker.session_id, stage.desk.signer, call)).status_code == 201
    path, asked = f"calls/{call['call_id']}/claim", {"claim_id": str(stage.desk.ids.new())}
    async with dying(stage, "answer:claim=kill") as first:
        await dies(first, first.worker(worker).post(path, asked))
    before = await stage.footprint(worker)
    again = (await service.worker(worker).post(path, asked)).json()
    (claimed,) = again["calls"]
    assert await stage.footprint(worker) == before
    assert (again["replayed"], claimed["status"]) == (True, "granted")
    assert claimed["grant"]
    assert (await whole(stage, worker)).count("CallClaimed") == 1


async def test_an_edit_whose_answer_was_lost_is_one_new_call(
    stage: Stage, service: Service
) -> None:
    worker = await stage.desk.worker()
    (call,) = await worker.propose(ESCALATE)
    path = f"{worker.path}/calls/{call['call_id']}/edit"
    asked = {"arguments": '{"reason": "the customer asks"}', "reason": "calmer"}
    key, editor = stage.desk.ids.new().hex, stage.desk.signer.api_key
    async with dying(stage, "after:transaction=kill") as first:
        there = first.desk(stage.desk)
        await dies(first, there.post(path, asked, editor, Idempotency_Key=key))
    again = await service.desk(stage.desk).post(path, asked, editor, Idempotency_Key=key)
    assert again.status_code == 201, again.text
    statuses = [row["status"] for row in await calls(stage, worker)]
    assert statuses == ["superseded", "awaiting_approval"]
    assert (await whole(stage, worker)).count("CallEdited") == 1


@pytest.mark.parametrize("point", ["before:sweep_v1", "after:sweep_v1"])
async def test_a_sweep_that_was_cut_short_comes_round_again_and_tells_once(
    stage: Stage, point: str
) -> None:
    worker = await stage.desk.worker()
    call = await refund(worker, stage.order())
    assert (await worker.start(call)).status_code == 200
    await let_time_pass(stage, worker)
    await stage.owner.execute(
        "DELETE FROM placet.work_due WHERE kind = $1 AND ref <> $2",
        SWEEP_SESSION,
        worker.session_id,
    )
    async with dying(stage, f"{point}=kill", sweeper) as first:
        assert await first.died()
    (_, left) = await calls(stage, worker)
    assert left["status"] == ("granted" if point.startswith("before") else "unknown")
    assert await stage.hand(0, worker.session_id).sweep() == "ok"
    (_, kept) = await calls(stage, worker)
    assert kept["status"] == "unknown"
    assert (await whole(stage, worker)).count("CallBecameUnknown") == 1


async def test_what_was_sent_and_not_marked_is_told_again_under_the_same_id(
    stage: Stage, service: Service
) -> None:
    alone = await stage.alone()
    worker = service.worker(await alone.desk.worker())
    founder = alone.desk.workplace.founder_key
    async with receiving() as receiver:
        wanted = {"url": receiver.url, "name": "tests", "event_types": ["SessionStopped"]}
        made = await worker.desk.post("/api/v1/webhooks/endpoints", wanted, founder)
        assert made.status_code == 201, made.text
        assert (await worker.post("kill", ENOUGH, alone.desk.operator_key)).status_code == 200
        # The claim is the first commit of the loop, what came of the call would be the second.
        async with dying(stage, "before:transaction@2=kill", webhooks) as first:
            assert await first.died()
        assert await _deliveries(alone) == ["due"]
        await _let_claims_run_out(alone)
        async with dying(stage, "", webhooks):
            while await _deliveries(alone) != ["delivered"]:
                pass
    assert len(receiver.heard) == 2
    assert len(set(receiver.ids)) == 1


async def _deliveries(stage: Stage) -> list[str]:
    rows = await stage.watch.fetch(
        "SELECT status FROM placet.webhooks_delivery WHERE tenant_id = $1",
        stage.desk.workplace.tenant_id,
    )
    return [row["status"] for row in rows]


async def _let_claims_run_out(stage: Stage) -> None:
    tenant = stage.desk.workplace.tenant_id
    async with stage.owner.transaction():
        await stage.owner.execute("SELECT set_config('placet.tenant', $1, true)", str(tenant))
        await stage.owner.execute(
            f"UPDATE placet.webhooks_delivery SET next_at = {PAST}, claim_until = {PAST}"  # noqa: S608 -- a time of ours
            " WHERE tenant_id = $1",
            tenant,
        )
        await stage.owner.execute(
            f"UPDATE placet.work_due SET due_at = {PAST} WHERE tenant_id = $1",  # noqa: S608 -- the same
            tenant,
        )


async def test_a_service_that_stood_still_after_it_decided_writes_nothing_once_overtaken(
    stage: Stage, service: Service
) -> None:
    worker = await stage.desk.worker()
    asked = worker.proposal(await worker.prepare(), NOTE)
    async with dying(stage, "before:propose_v1@2=stall") as first:
        late = asyncio.ensure_future(first.worker(worker).post("proposals", asked))
        while not first.stands_still:
            await stage.now()
        heir = await stolen(service, worker)
        before = await stage.footprint(worker)
        first.go_on()
        refused = await late
    assert (refused.status_code, refused.json()["code"]) == (409, "lease_lost")
    assert await stage.footprint(worker) == before
    assert (await heir.propose(NOTE))[0]["status"] == "granted"


ROWS: dict[str, tuple[Callable[..., Awaitable[None]], tuple[str, ...]]] = {
    "grant_has_no_first_answer": (
        test_a_lease_whose_answer_was_lost_is_the_same_for_the_same_question,
        (),
    ),
    "response_has_no_first_answer": (
        test_a_response_whose_answer_was_lost_gets_its_first_answer_and_its_grants,
        ("answer:proposals",),
    ),
    "receipt_has_no_first_answer": (
        test_a_receipt_whose_answer_was_lost_is_answered_before_its_fence_is_looked_at,
        (),
    ),
    "status_unread_by_responses": (
        test_after_a_kill_whose_answer_was_lost_nothing_is_granted,
        ("session",),
    ),
}


@pytest.mark.parametrize("name", ROWS)
async def test_a_row_shows_that_its_guard_is_missing(
    stage: Stage, service: Service, name: str
) -> None:
    row, more = ROWS[name]
    mutant = next(mutant for mutant in MUTANTS if mutant.name == name)
    async with installed(stage.owner, mutant):
        with pytest.raises((AssertionError, KeyError)):
            await row(stage, service, *more)
