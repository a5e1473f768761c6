"""A session that only records judges each call as though its decisions bound, and binds none."""

import random  # noqa: TID251 -- seeded: the same calls in every run

import pytest
from litestar import Litestar
from tests.conftest import found
from tests.replay.desk import Desk, Worker
from tests.replay.test_twofold import SESSION, TOOLS, lead
from tests.replay.twofold import begun, limited

from placet.authority.server_keys import ServerKeys
from placet.plans.model import Enforcement
from placet.replay.calls.fold import fold
from placet.replay.calls.memory import Memory
from placet.replay.calls.runtime import Runtime
from placet.replay.sessions.rules import decode_state, encode_state

REFUND = ("issue_refund", {"order_id": "ord_00000001", "amount_cents": 100})


@pytest.fixture
async def desk(desk: Desk, app: Litestar) -> Desk:
    """A desk of a workspace that only has its agents watched."""
    made = Desk(desk.client, desk.db, desk.ids, await found(desk.db, desk.ids))
    await made.approve(app.state[ServerKeys.__name__], enforcement=Enforcement.REPORT)
    return made


async def test_it_tells_what_it_would_have_hidden_and_hides_nothing(desk: Desk) -> None:
    worker = await desk.worker()
    prepared = await worker.prepare(offered_tools=["note", "issue_refund"])
    assert prepared["tools"] == ["note", "issue_refund"]
    assert [hidden["tool"] for hidden in prepared["hidden"]] == ["issue_refund"]
    body = (await worker.events())[-1]["body"]
    assert (body["tools"], body["hidden"]) == (["note", "issue_refund"], ["issue_refund"])


async def test_its_facts_move_with_what_its_receipts_tell(desk: Desk) -> None:
    worker = await desk.worker()
    (refund,) = await worker.propose(REFUND)
    assert (refund["status"], refund["verdict"], refund["layer"]) == ("shadowed", "deny", 4)
    (lookup,) = await worker.propose(("lookup_order", {"order_id": "ord_00000001"}))
    told = await worker.report(lookup, output={"status": "delivered"})
    assert (told["call_status"], told["execution_state"]) == ("shadowed", "succeeded")
    assert (told["settled"], told["conflicting"], told["current_phase"]) == (
        True,
        False,
        "verified",
    )
    (refund,) = await worker.propose(REFUND)
    assert (refund["status"], refund["verdict"], refund["grant"]) == ("shadowed", "allow", None)


async def test_a_receipt_for_a_call_that_it_would_have_refused_moves_nothing(desk: Desk) -> None:
    worker = await desk.worker()
    (refund,) = await worker.propose(REFUND)
    told = await worker.report(refund)
    assert (told["settled"], told["conflicting"]) == (False, True)


@pytest.mark.parametrize("is_remembered", [False, True])
async def test_what_nobody_can_say_is_counted_once_however_often_it_is_said(
    desk: Desk, app: Litestar, *, is_remembered: bool
) -> None:
    worker = await desk.worker()
    runtime: Runtime = app.state[Runtime.__name__]
    (call,) = await worker.propose(("note", {"text": "x"}))
    for _ in range(2):
        told = await worker.report(call, "timed_out")
        assert (told["call_status"], told["execution_state"]) == ("shadowed", "unknown")
        if not is_remembered:
            runtime.memory = Memory()
    types = [event["type"] for event in await worker.events()]
    assert types.count("CallBecameUnknown") == 1
    assert (types[-1], told["conflicting"]) == ("ReceiptReceived", False)


async def look_up(worker: Worker) -> None:
    (lookup,) = await worker.propose(("lookup_order", {"order_id": "ord_00000001"}))
    await worker.report(lookup, output={"status": "delivered"})


async def test_it_sees_the_effects_of_its_calls_and_takes_none(desk: Desk) -> None:
    worker, other = await desk.worker(), await desk.worker()
    await look_up(worker)
    await look_up(other)
    (refund,) = await worker.propose(REFUND)
    (again,) = await worker.propose(REFUND)
    assert again["reasons"][0]["code"] == "effect_key_taken"
    await worker.report(refund, "failed")
    for _ in range(2):
        (refund,) = await worker.propose(REFUND)
        assert refund["verdict"] == "allow"
        await worker.report(refund, "failed")
    (refund,) = await other.propose(REFUND)
    assert refund["verdict"] == "allow"


@pytest.mark.parametrize("seed", range(4))
async def test_it_decides_as_a_simulation_of_the_same_calls_and_stops_nothing(
    desk: Desk, seed: int
) -> None:
    document = limited(SESSION, *TOOLS)
    twofold = await begun(desk, document)
    await lead(twofold, random.Random(seed), None)  # noqa: S311 -- no secret
    judged, summary = twofold.simulated(document)
    assert twofold.judged == judged
    assert (await twofold.worker.read())["status"] == "active"
    state, events = await twofold.kept()
    assert encode_state(fold(events)) == state
    assert decode_state(state).stopped == summary.kill_reason
