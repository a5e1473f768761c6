"""A database that is not the one that authority was given for grants nothing, until it is told so.

The server's place is played by the row of the epoch; a real restore is in `tests/invariants`.
"""

import io
from typing import Any

import httpx
import pytest
from tests.replay.desk import REQUEST_HASH, Worker
from tests.replay.restores.conftest import Bench

from placet.authority.recovery.model import Recovering
from placet.authority.recovery.store import raise_epoch, read_epoch
from placet.events.model import StreamKind, tenant_stream
from placet.evidence.verify import verify_bundle
from placet.kernel.refusals import GovernanceUnavailable, Unavailable, refusal_for
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.sweep import sweep_due
from placet.replay.restores.outside import read_outside
from placet.replay.restores.procedure import NothingToRestore, RestoreRefused
from placet.replay.restores.service import restore_sessions

NOTE = ("note", {"text": "called back"})
ESCALATE = ("escalate", {"reason": "angry"})
LATER = 503


def is_recovering(answered: httpx.Response) -> bool:
    """Tell whether an answer says that nothing is granted for now, and when to come back."""
    if answered.status_code != LATER:
        return False
    said = answered.json()
    return (said["code"], said["action"]) == ("recovering", "wait") and (
        answered.headers["Retry-After"] == "5" and "placet restore --verify" in said["hint"]
    )


async def refunds(worker: Worker, order: str) -> list[dict[str, Any]]:
    """Look an order up, and propose its refund."""
    await worker.look_up(order)
    return await worker.propose(("issue_refund", {"order_id": order, "amount_cents": 4000}))


async def test_whoever_grants_refuses_on_another_timeline_and_whoever_does_not_goes_on(
    bench: Bench,
) -> None:
    worker, other = await bench.desk.worker(), await bench.desk.worker()
    (call,) = await worker.propose(NOTE)
    (unstarted,) = await other.propose(NOTE)
    prepared = await worker.prepare()
    await bench.fail_over()
    calls = {"tool_calls": worker.proposal(prepared, NOTE)["tool_calls"]}
    refused = {
        "open": await bench.desk.post("/api/v1/replay/sessions", {}),
        "lease": await worker.lease(),
        "renew": await worker.lease("renew"),
        "steal": await worker.lease("steal", reason="it hangs"),
        "preflight": await worker.post("preflight", {"request_hash": REQUEST_HASH}),
        "proposals": await worker.post("proposals", worker.proposal(prepared, NOTE)),
        "calls": await worker.post("calls", calls),
        "start": await other.start(unstarted),
    }
    assert [verb for verb, answered in refused.items() if not is_recovering(answered)] == []
    told = await worker.report(call, output={})
    assert (told["late"], told["commit_state"]) == (False, "committed")
    assert (await other.read())["status"] == "active"
    killed = await other.post("kill", {"reason": "enough"}, bench.desk.operator_key)
    assert killed.status_code == 200
    assert await bench.is_whole(worker)
    assert await bench.is_whole(other)


async def test_a_session_opened_after_a_restore_is_told_its_epoch(bench: Bench) -> None:
    await bench.fail_over()
    report = await bench.restore()
    opened = await bench.desk.post("/api/v1/replay/sessions", {})
    assert opened.json()["fence"] == {"epoch": report.epoch, "n": 0}


async def test_no_authority_of_before_is_of_use_once_the_epoch_is_raised(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    await worker.look_up("ord_00000001")
    (open_call,) = await worker.propose(
        ("issue_refund", {"order_id": "ord_00000001", "amount_cents": 4000})
    )
    (asked,) = await worker.propose(ESCALATE)
    prepared = await worker.prepare()
    before = await bench.fence(worker)
    await bench.fail_over()
    report = await bench.restore()
    assert (report.from_epoch, report.is_raised) == (1, True)
    (done,) = report.tenants
    assert (done.sessions, done.calls_unknown) == (1, 1)
    after = await bench.fence(worker)
    assert (after.epoch, after.n) == (report.epoch, before.n)
    # The holder of before: its lease, its prepared request, its grant.
    assert (await worker.lease("renew")).json()["code"] == "lease_lost"
    tried = await worker.post("proposals", worker.proposal(prepared, NOTE))
    assert tried.json()["code"] == "lease_lost"
    assert (await worker.start(open_call)).json()["code"] == "lease_lost"
    late = await worker.report(open_call, output={})
    assert late["late"]
    assert late["execution_state"] == "unknown"
    # The one that comes after: the prepared request and the grant are void for it too.
    heir = Worker(bench.desk, worker.session_id)
    assert (await heir.lease()).status_code == 200
    assert heir.fence == (report.epoch, before.n + 1)
    tried = await heir.post("proposals", heir.proposal(prepared, NOTE))
    assert tried.json()["code"] == "stale_control"
    assert (await heir.start(open_call)).json()["code"] == "transition_not_allowed"
    shown = {one["call_id"]: one["status"] for one in await pending(heir)}
    assert shown == {open_call["call_id"]: "unknown"}
    assert asked["status"] == "awaiting_approval"
    assert await bench.is_whole(heir)
    bundle = await bench.desk.get("/api/v1/replay/bundle", bench.desk.workplace.founder_key)
    assert verify_bundle(io.BytesIO(bundle.content)).flaw is None


async def pending(worker: Worker) -> list[dict[str, Any]]:
    shown = await worker.read("pending")
    found: list[dict[str, Any]] = shown["pending"]
    return found


async def test_until_it_is_closed_writes_ask_and_what_pays_is_denied(bench: Bench) -> None:
    remembering = await bench.desk.worker(ttl_seconds=60)
    await remembering.propose(NOTE)
    await bench.fail_over()
    epoch = (await bench.restore()).epoch
    for worker in (Worker(bench.desk, remembering.session_id), await bench.desk.worker()):
        await worker.lease()
        (looked,) = await worker.propose(("lookup_order", {"order_id": "ord_00000001"}))
        await worker.report(looked, output={"status": "delivered", "total_cents": 4000})
        (noted,) = await worker.propose(NOTE)
        (paid,) = await worker.propose(
            ("issue_refund", {"order_id": "ord_00000001", "amount_cents": 4000})
        )
        assert (looked["verdict"], noted["verdict"], paid["verdict"]) == ("allow", "ask", "deny")
        assert [one["code"] for one in (*noted["reasons"], *paid["reasons"])] == ["recovering"] * 2
    assert (await bench.close()).status_code == 200
    (noted,) = await worker.propose(NOTE)
    assert noted["verdict"] == "allow"
    assert (await bench.close()).json()["code"] == "not_recovering"
    kinds = await bench.admin.fetch(
        "SELECT type, epoch FROM placet.event"
        " WHERE type IN ('Restored', 'RecoveryClosed') ORDER BY seq"
    )
    assert [tuple(kind) for kind in kinds] == [("Restored", epoch), ("RecoveryClosed", epoch)]


async def test_only_an_operator_closes_what_was_lost(bench: Bench) -> None:
    await bench.fail_over()
    epoch = (await bench.restore()).epoch
    path = "/api/v1/authority/recovery"
    tried = await bench.desk.post(f"{path}/close", {"epoch": epoch, "reason": "in a hurry"})
    assert tried.status_code == 403
    listed = (await bench.desk.get(path, bench.desk.operator_key)).json()["items"]
    assert [(one["epoch"], one["closed_at"]) for one in listed] == [(epoch, None)]


async def test_a_session_that_the_restore_has_not_reached_stays_closed(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    (call,) = await worker.propose(NOTE)
    await bench.admin.execute("UPDATE placet.storage_epoch SET epoch = 2")
    assert is_recovering(await worker.lease())
    assert is_recovering(await worker.post("preflight", {"request_hash": REQUEST_HASH}))
    told = await worker.report(call, output={})
    assert told["late"]
    settled = await worker.post(
        "settlements",
        {
            "settlement_id": str(bench.ids.new()),
            "call_id": call["call_id"],
            "outcome": "succeeded",
            "reason": "it was",
            "receipt_id": told["receipt_id"],
        },
    )
    assert settled.json()["code"] == "lease_lost"
    tenant = bench.desk.workplace.founder.tenant_id
    assert await restore_sessions(bench.db, tenant, bench.ids) == (1, 1)
    assert await restore_sessions(bench.db, tenant, bench.ids) == (0, 0)
    assert (await worker.lease()).status_code == 200
    assert await bench.is_whole(worker)


async def test_a_restore_that_broke_off_goes_on_in_its_epoch(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    await worker.propose(NOTE)
    await bench.admin.execute("UPDATE placet.storage_epoch SET epoch = 2")
    report = await bench.restore()
    assert (report.epoch, report.is_raised, report.tenants[0].sessions) == (2, False, 1)
    with pytest.raises(NothingToRestore):
        await bench.restore()
    assert await bench.admin.fetchval("SELECT epoch FROM placet.storage_epoch") == 2
    assert (await bench.restore(again=True)).is_raised


async def test_a_receipt_that_settles_meanwhile_is_not_made_unknown(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    (call,) = await worker.propose(NOTE)
    await bench.fail_over()
    await worker.report(call, output={})
    report = await bench.restore()
    assert report.tenants[0].calls_unknown == 0
    assert (await pending(worker)) == []


async def test_a_kill_that_was_kept_outside_is_in_force_again(bench: Bench) -> None:
    killed = await bench.desk.kill("agent", "refund-desk")
    ((body, tenant),) = await bench.admin.fetch(
        "SELECT b.body, b.tenant_id FROM placet.event AS e JOIN placet.event_body AS b"
        " USING (tenant_id, stream_id, seq) WHERE e.type = 'ControlSet'"
    )
    bundle = await bench.desk.get("/api/v1/replay/bundle", bench.desk.workplace.founder_key)
    (told,) = read_outside(bundle.content.splitlines()).values()
    assert [one.target for one in told.controls.values()] == ["refund-desk"]
    await bench.desk.lift(killed)
    bundle = await bench.desk.get("/api/v1/replay/bundle", bench.desk.workplace.founder_key)
    assert read_outside(bundle.content.splitlines())[tenant].controls == {}
    stream = str(tenant_stream(tenant, StreamKind.CONTROL)).encode()
    line = b'{"tenant_id":"%s","stream_id":"%s","type":"ControlSet","body":%s}' % (
        str(tenant).encode(),
        stream,
        body,
    )
    outside = read_outside([line])
    assert (await bench.restore(controls=outside, again=True)).tenants[0].controls_set == 0
    fresh = body.replace(killed.json()["control_id"].encode(), str(bench.ids.new()).encode())
    outside = read_outside([line.replace(body, fresh)])
    assert (await bench.restore(controls=outside, again=True)).tenants[0].controls_set == 1
    refused = await bench.desk.post("/api/v1/replay/sessions", {})
    assert refused.json()["code"] == "agent_killed"


async def test_a_session_that_was_stopped_by_what_was_kept_outside_is_stopped_again(
    bench: Bench,
) -> None:
    other = await bench.desk.worker(ttl_seconds=60)
    worker = await bench.desk.worker(ttl_seconds=60)
    (call,) = await worker.propose(NOTE)
    await other.post("kill", {"reason": "enough"}, bench.desk.operator_key)
    tenant = str(bench.desk.workplace.founder.tenant_id).encode()
    bundle = await bench.desk.get("/api/v1/replay/bundle", bench.desk.workplace.founder_key)
    # The line is the other's; had this one been killed, it would name it.
    lines = bundle.content.replace(str(other.session_id).encode(), str(worker.session_id).encode())
    for stream in (bench.ids.new(), worker.session_id):
        lines += b'\n{"tenant_id":"%s","stream_id":"%s","type":"SessionStopped","body":null}' % (
            tenant,
            str(stream).encode(),
        )
    await bench.fail_over()
    (done,) = (await bench.restore(controls=read_outside(lines.splitlines()))).tenants
    assert (done.sessions_stopped, done.sessions_gone, done.calls_unknown) == (1, 1, 1)
    assert (await worker.read())["status"] == "killed"
    assert (await worker.lease()).json()["code"] == "session_killed"
    assert [one["call_id"] for one in await pending(worker)] == [call["call_id"]]
    assert await bench.is_whole(worker)
    bundle = await bench.desk.get("/api/v1/replay/bundle", bench.desk.workplace.founder_key)
    assert verify_bundle(io.BytesIO(bundle.content)).flaw is None


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE placet.event SET actor_id = tenant_id",
        "UPDATE placet.event_body SET body = body || ' '",
        "DELETE FROM placet.event WHERE seq = (SELECT max(seq) FROM placet.event)",
    ],
)
async def test_what_is_not_whole_is_not_taken_into_use(bench: Bench, damage: str) -> None:
    await bench.desk.worker()
    await bench.fail_over()
    await bench.admin.execute("SET session_replication_role = replica")
    for table in ("event", "event_body"):
        await bench.admin.execute(f"ALTER TABLE placet.{table} DISABLE TRIGGER ALL")
    await bench.admin.execute(damage)
    with pytest.raises(RestoreRefused, match=r"does not fit|do not lead"):
        await bench.restore()
    assert await bench.admin.fetchval("SELECT epoch FROM placet.storage_epoch") == 1
    assert await bench.admin.fetchval("SELECT count(*) FROM placet.authority_recovery") == 0


async def test_the_epoch_is_not_raised_from_one_that_is_over(bench: Bench) -> None:
    seen = await read_epoch(bench.db)
    assert await raise_epoch(bench.migrator, seen, 2, {}, {})
    assert not await raise_epoch(bench.migrator, seen, 3, {}, {})
    assert await bench.admin.fetchval("SELECT epoch FROM placet.storage_epoch") == 2
    assert await bench.admin.fetchval("SELECT count(*) FROM placet.authority_recovery") == 1


async def test_what_may_have_begun_in_what_was_lost_is_not_abandoned(bench: Bench) -> None:
    worker = await bench.desk.worker(ttl_seconds=60)
    (call,) = await refunds(worker, "ord_00000001")
    runtime = bench.app.state[Runtime.__name__]
    await bench.fail_over()
    await bench.admin.execute("UPDATE placet.replay_session SET next_due_at = now()")
    await bench.admin.execute(
        "UPDATE placet.replay_pending_call SET grant_expires_at = now()"
        " WHERE grant_expires_at IS NOT NULL AND settled_at IS NULL"
    )
    await bench.admin.execute("UPDATE placet.work_due SET due_at = now()")
    await sweep_due(runtime)
    assert [one["status"] for one in await pending(worker)] == ["granted"]
    await bench.restore()
    await bench.admin.execute("UPDATE placet.work_due SET due_at = now()")
    await sweep_due(runtime)
    assert [(one["call_id"], one["status"]) for one in await pending(worker)] == [
        (call["call_id"], "unknown")
    ]
    assert (await bench.close()).status_code == 200
    (again,) = await refunds(await bench.desk.worker(), "ord_00000001")
    assert [one["code"] for one in again["reasons"]] == ["effect_key_taken"]


def test_a_client_that_may_run_alone_where_nobody_answers_may_not_where_this_is_answered() -> None:
    told = refusal_for({"code": "recovering", "detail": "restored", "retry_after_seconds": 5})
    assert isinstance(told, Recovering)
    assert isinstance(told, Unavailable)
    assert not isinstance(told, GovernanceUnavailable)
