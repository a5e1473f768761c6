"""The killed worker's call: nobody knows what became of it until somebody looks and says so."""

import asyncio
from typing import Final

from placet.cli.demo.accidents import OpenCall
from placet.cli.demo.scene import Scene, expect, short
from placet.cli.exits import CommandRefused, Exit
from placet.replay.calls.answers import SettleCall, SettlementAnswer
from placet.replay.calls.model import CallStatus, ReceiptStatus
from placet.replay.pending.model import SessionWithPending

RIPE_SECONDS: Final = 36.0
"""A grant outlives its tool's time-out by 30 s, and the sweeper comes round every 5 s."""

_PATIENCE_SECONDS: Final = 90.0
_POLL_SECONDS: Final = 0.5


async def wait_until_unknown(scene: Scene, call: OpenCall) -> None:
    """Ask the service until it says that the call's outcome is unknown."""
    operator = scene.people.operator
    path = f"/replay/sessions/{call.session_id}?include=pending"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                session = await operator.get(path, SessionWithPending)
                found = {open_call.call_id: open_call for open_call in session.pending or []}
                if found[call.call_id].status is CallStatus.UNKNOWN:
                    return
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise CommandRefused(
            detail=f"call {call.call_id} did not become unknown in {_PATIENCE_SECONDS:.0f} s",
            remedy="see in `server.log` whether the service's sweeper runs",
            code=Exit.FAILED,
        ) from None


async def settle(scene: Scene, call: OpenCall) -> None:
    """Look into the orders as an operator, and settle the call by what stands there."""
    operator, timeline = scene.people.operator, scene.timeline
    timeline.tell("service", "unknown", f"call {short(call.call_id)}: started, and never reported")
    paid = [refund for refund in scene.shop.refunds() if refund.call_id == call.call_id]
    outcome = ReceiptStatus.SUCCEEDED if paid else ReceiptStatus.FAILED
    seen = f"{paid[0].amount_cents / 100:.2f} for {paid[0].order_id}" if paid else "nothing"
    reason = f"the orders were looked at: this call paid {seen}"
    timeline.tell(operator.name, "looked", f"into the orders: the call paid {seen}")
    settled = await operator.post(
        f"/replay/sessions/{call.session_id}/settlements",
        SettleCall(
            settlement_id=scene.ids.new(), call_id=call.call_id, outcome=outcome, reason=reason
        ),
        SettlementAnswer,
    )
    timeline.tell(
        operator.name,
        "settled",
        f"it as {outcome.value}: {settled.commit_state.value}, {settled.evidence_level.value}",
    )
    expect(settled.call_status.value, CallStatus.SETTLED.value, "the unknown call")
