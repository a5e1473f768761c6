"""One governed step over HTTP, on a real database."""

from tests.replay.desk import Desk

ORDER = "ord_00000001"


async def test_an_allowed_call_is_granted_executed_and_committed(desk: Desk) -> None:
    worker = await desk.worker()
    (call,) = await worker.propose(("lookup_order", {"order_id": ORDER}))
    assert (call["verdict"], call["status"]) == ("allow", "granted")
    assert call["grant"]["payloadType"] == "placet.grant.v1"
    receipt = await worker.report(call, output={"status": "delivered"})
    assert (receipt["call_status"], receipt["commit_state"]) == ("settled", "committed")
    assert receipt["current_phase"] == "verified"
    assert not receipt["late"]
