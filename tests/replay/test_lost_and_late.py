"""What must not be lost: receipts that settled nothing, answers that never came, late truth."""

import asyncio
import json
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import pytest
from litestar import Litestar
from msgspec.structs import replace
from tests.conftest import Server
from tests.replay.desk import Desk, Worker
from tests.replay.passing import Pass, let_time_pass, sweep_all

from placet.authority import store as authority
from placet.authority.key_changes import service as key_changes
from placet.authority.model import KeyPurpose, ServerKey
from placet.authority.server_keys import NOBODY
from placet.evidence import dsse
from placet.evidence.artifact import ARTIFACT_TYPE
from placet.evidence.dsse import encode_envelope, parse_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.fields import Fence
from placet.kernel import foreign
from placet.kernel.clock import SystemClock
from placet.kernel.hashing import digest
from placet.replay.calls import store
from placet.replay.calls.events import ReceiptReceived
from placet.replay.calls.model import CallStatus, EvidenceLevel, ReceiptStatus
from placet.replay.calls.propose import propose_calls
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.sweep import sweep_due
from placet.replay.calls.tool_calls import ProposeCalls
from placet.replay.calls.writes import Caller, ReceiptWrite
from placet.replay.sessions.policies import Policies, check_artifact
from placet.replay.sessions.refusals import ArtifactDoubtful
from placet.tenancy.model import ApiKeyId, ParsedKey

ORDER = "ord_00000001"
REFUND = ("issue_refund", {"order_id": ORDER, "amount_cents": 100})

__all__ = ["let_time_pass"]


@pytest.fixture
def runtime(app: Litestar) -> Runtime:
    found = app.state[Runtime.__name__]
    assert isinstance(found, Runtime)
    return found


async def keep_without_settling(
    runtime: Runtime, desk: Desk, worker: Worker, body: dict[str, object]
) -> None:
    """Keep a receipt as the last attempt under contention does: alone."""
    receipt_id = runtime.ids.new()
    cost = body.get("cost_micros")
    assert cost is None or isinstance(cost, int)
    said = ReceiptReceived(
        receipt_id=receipt_id,
        call_id=UUID(str(body["call_id"])),
        idempotency_key=str(body["idempotency_key"]),
        status=ReceiptStatus(str(body["status"])),
        evidence_level=EvidenceLevel.CLIENT_REPORTED,
        arguments_hash=str(body["arguments_hash"]),
        output_hash=None,
        external_ref=None,
        epoch=worker.fence[0],
        fence=worker.fence[1],
    )
    key = ParsedKey(key_id=ApiKeyId(desk.runtime.key_id), secret_hash=desk.runtime.secret_hash)
    row = await store.receive(
        runtime.db.hot,
        Caller(
            key=key,
            session_id=worker.session_id,
            holder=worker.holder,
            fence=Fence(epoch=worker.fence[0], n=worker.fence[1]),
        ),
        ReceiptWrite(
            call_id=said.call_id,
            receipt_id=receipt_id,
            idempotency_key=said.idempotency_key,
            fingerprint=digest("receipt", foreign.encode(foreign.parse(json.dumps(body).encode()))),
            status=said.status,
            evidence_level=said.evidence_level,
            arguments_hash=bytes.fromhex(said.arguments_hash),
            output_hash=None,
            output=None,
            external_ref=None,
            error=None,
            started_at=None,
            completed_at=None,
            decided_version=None,
            following=None,
            cost_micros=cost,
            events=[runtime.event(said)],
        ),
    )
    assert (row["code"], row["status"]) == ("ok", "granted")


async def test_reports_of_one_session_at_the_same_moment_all_settle(desk: Desk) -> None:
    worker = await desk.worker()
    calls = await worker.propose(*(("note", {"text": str(n)}) for n in range(12)))
    reports = await asyncio.gather(*(worker.report(call) for call in calls))
    assert [report["call_status"] for report in reports] == ["settled"] * 12
    assert (await worker.read("pending"))["pending"] == []


async def test_the_callers_retry_settles_what_was_only_kept(desk: Desk, runtime: Runtime) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    body = worker.receipt(call)
    await keep_without_settling(runtime, desk, worker, body)
    again = (await worker.post("receipts", body)).json()
    assert (again["call_status"], again["settled"], again["replayed"]) == ("settled", True, True)
    types = [event["type"] for event in await worker.events()]
    assert types[-2:] == ["ReceiptReceived", "CallSettled"]
    once_more = (await worker.post("receipts", body)).json()
    assert once_more == again
    assert [event["type"] for event in await worker.events()] == types


async def test_the_sweeper_settles_by_the_evidence_on_record(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("note", {"text": "a"}))
    await keep_without_settling(runtime, desk, worker, worker.receipt(call))
    await let_time_pass(worker)
    await sweep_all(runtime)
    assert (await worker.read("pending"))["pending"] == []
    settled = (await worker.events())[-1]
    assert (settled["type"], settled["body"]["outcome"]) == ("CallSettled", "succeeded")


async def test_a_call_that_somebody_reported_on_is_never_taken_for_one_that_never_began(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    (call,) = await worker.propose(REFUND)
    late = await worker.report(call, arguments_hash="00" * 32)
    assert late["conflicting"]
    await let_time_pass(worker)
    await sweep_all(runtime)
    (pending,) = (await worker.read("pending"))["pending"]
    assert pending["status"] == "unknown"
    (again,) = await worker.propose(REFUND)
    assert again["reasons"][0]["code"] == "effect_key_taken"


async def test_a_start_is_not_given_again_once_its_grant_ran_out(
    desk: Desk, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    (call,) = await worker.propose(REFUND)
    start_id = desk.ids.new()
    assert (await worker.start(call, start_id)).status_code == 200
    await let_time_pass(worker)
    again = await worker.start(call, start_id)
    assert (again.status_code, again.json()["code"]) == (409, "transition_not_allowed")


async def test_a_proposal_given_again_grants_nothing_that_is_settled(desk: Desk) -> None:
    worker = await desk.worker()
    body = worker.proposal(await worker.prepare(), ("note", {"text": "a"}), ("note", {"text": "b"}))
    first = (await worker.post("proposals", body)).json()["calls"]
    await worker.report(first[0])
    again = (await worker.post("proposals", body)).json()["calls"]
    assert again[0]["grant"] is None
    assert again[1]["grant"] == first[1]["grant"]


async def test_an_artifact_that_is_not_what_was_signed_is_refused(desk: Desk) -> None:
    worker = await desk.worker()
    artifact_id = UUID((await worker.read())["artifact_id"])
    async with desk.db.reading(desk.operator) as tx:
        artifact = await authority.get_artifact(tx, artifact_id)
        listed = await authority.list_server_keys(tx)
    check_artifact(artifact, listed)
    loosened = artifact.runtime_projection_json.replace(b"50000", b"99999")
    assert loosened != artifact.runtime_projection_json
    for doubtful in (
        replace(artifact, runtime_projection_json=loosened),
        replace(artifact, compiled_hash="00" * 32),
        replace(artifact, envelope=artifact.envelope.replace(b'"sig":"', b'"sig":"AAAA')),
    ):
        with pytest.raises(ArtifactDoubtful):
            check_artifact(doubtful, listed)
    with pytest.raises(ArtifactDoubtful):
        check_artifact(artifact, [])


@pytest.mark.parametrize("is_signed_before", [True, False])
async def test_what_a_key_of_ours_signed_counts_where_the_database_had_it_before_the_keys_end(
    desk: Desk, *, is_signed_before: bool
) -> None:
    worker = await desk.worker()
    key = SigningKey.generate()
    async with desk.db.reading(desk.operator) as tx:
        artifact = await authority.get_artifact(tx, UUID((await worker.read())["artifact_id"]))
    payload = parse_envelope(artifact.envelope).payload
    signed = encode_envelope(dsse.sign(ARTIFACT_TYPE, payload, key))
    async with desk.db.writing(NOBODY) as tx:
        await authority.keep_server_key(
            tx,
            ServerKey(
                key_id=key.key_id,
                purpose=KeyPurpose.ARTIFACT,
                public_key=key.public.raw,
                created_at=await tx.now(),
            ),
        )
        _, end = await key_changes.end_key(tx, key.key_id, "it was copied")
    moment = timedelta(microseconds=1 if is_signed_before else 0)
    doubtful = replace(artifact, envelope=signed, created_at=end.ended_at - moment)
    async with desk.db.reading(desk.operator) as tx:
        if is_signed_before:
            await Policies().keep(tx, doubtful)
        else:
            with pytest.raises(ArtifactDoubtful):
                await Policies().keep(tx, doubtful)


class Ahead:
    """A clock that is an hour ahead of the database's."""

    def now(self) -> datetime:
        return SystemClock().now() + timedelta(hours=1)

    def monotonic(self) -> float:
        return SystemClock().monotonic()


async def test_a_service_whose_clock_is_wrong_decides_by_the_databases(
    desk: Desk, runtime: Runtime
) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    elsewhere = Runtime(runtime.db, runtime.ids, Ahead(), runtime.keys)
    caller = Caller(
        key=ParsedKey(key_id=ApiKeyId(desk.runtime.key_id), secret_hash=desk.runtime.secret_hash),
        session_id=worker.session_id,
        holder=worker.holder,
        fence=Fence(epoch=worker.fence[0], n=worker.fence[1]),
    )
    body = worker.proposal(await worker.prepare(), REFUND)
    raw = json.dumps(body).encode()
    answered = await propose_calls(
        elsewhere, caller, msgspec.json.decode(raw, type=ProposeCalls), raw
    )
    assert [call.status for call in answered.calls] == [CallStatus.GRANTED]


async def test_two_calls_of_a_response_never_go_by_one_id(desk: Desk) -> None:
    worker = await desk.worker()
    body = worker.proposal(await worker.prepare(), ("note", {"text": "a"}), ("note", {"text": "b"}))
    body["tool_calls"][1]["id"] = body["tool_calls"][0]["id"]
    answered = await worker.post("proposals", body)
    assert (answered.status_code, answered.json()["code"]) == (400, "malformed_body")
    assert answered.json()["errors"][0]["pointer"] == "/tool_calls/1/id"


async def test_an_expired_prepared_request_registers_nothing(
    desk: Desk, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    body = worker.proposal(await worker.prepare(), ("note", {"text": "a"}))
    await let_time_pass(worker)
    before = await worker.events()
    answered = await worker.post("proposals", body)
    assert (answered.status_code, answered.json()["code"]) == (409, "prepared_request_expired")
    assert answered.json()["action"] == "new_preflight"
    assert await worker.events() == before
    assert (await worker.read("pending"))["pending"] == []


async def test_a_claimed_failure_never_overrides_a_success_on_record(
    desk: Desk, runtime: Runtime, let_time_pass: Pass
) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    (call,) = await worker.propose(REFUND)
    await worker.start(call)
    await keep_without_settling(runtime, desk, worker, worker.receipt(call))
    failed = await worker.report(call, "failed")
    assert (failed["conflicting"], failed["call_status"]) == (True, "granted")
    await let_time_pass(worker)
    await sweep_all(runtime)
    (pending,) = (await worker.read("pending"))["pending"]
    assert pending["status"] == "unknown"
    (again,) = await worker.propose(REFUND)
    assert again["reasons"][0]["code"] == "effect_key_taken"


@pytest.mark.parametrize("reported", [None, "timed_out", "unknown"])
async def test_an_operator_does_not_free_an_effect_whose_grant_still_lives(
    desk: Desk, let_time_pass: Pass, reported: str | None
) -> None:
    worker = await desk.worker()
    await worker.look_up(ORDER)
    (call,) = await worker.propose(REFUND)
    told = {}
    if reported is not None:
        await worker.start(call)
        receipt = await worker.report(call, reported)
        told = {"receipt_id": receipt["receipt_id"]}
    asked = {
        "settlement_id": str(desk.ids.new()),
        "call_id": call["call_id"],
        "outcome": "failed",
        "reason": "it hangs",
    }
    for more in ({}, told):
        early = await worker.post("settlements", asked | more, desk.operator_key)
        assert (early.status_code, early.json()["code"]) == (409, "transition_not_allowed")
        assert "kill" not in early.json()["detail"]
    (again,) = await worker.propose(REFUND)
    assert again["reasons"][0]["code"] == "effect_key_taken"
    await let_time_pass(worker)
    in_time = await worker.post("settlements", asked, desk.operator_key)
    assert in_time.json()["commit_state"] == "refused"


async def test_a_sweep_that_was_overtaken_comes_round_at_once(
    desk: Desk, runtime: Runtime, let_time_pass: Pass, server: Server, database_name: str
) -> None:
    worker = await desk.worker()
    await worker.propose(("note", {"text": "a"}))
    await let_time_pass(worker)
    watch = await asyncpg.connect(server.admin(database_name))
    other = await asyncpg.connect(server.admin(database_name))
    async with other.transaction():
        # Somebody moves the facts on between the sweeper's look and its write.
        await other.execute(
            "UPDATE placet.replay_session SET state_version = state_version + 1"
            " WHERE session_id = $1",
            worker.session_id,
        )
        sweeping = asyncio.create_task(sweep_due(runtime))
        while not await watch.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))",
            other.get_server_pid(),
        ):
            assert not sweeping.done(), "the sweep waited for nobody"
    await sweeping
    await watch.close()
    await other.close()
    (pending,) = (await worker.read("pending"))["pending"]
    assert pending["status"] == "unknown"
