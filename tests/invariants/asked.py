"""A call that people have approved, and its claim, for races."""

from uuid import UUID

from tests.invariants.hands import Hand
from tests.invariants.stage import Stage
from tests.replay.asks.people import ESCALATE, AskDesk

from placet.replay.asks import claim
from placet.replay.asks.answers import ClaimAnswer, ClaimCall
from placet.replay.calls.answers import CallOutcome


async def made_approved(stage: Stage) -> tuple[Hand, CallOutcome]:
    """Return a worker and a call of its that people have approved."""
    one = await stage.worker()
    call = await one.call(*ESCALATE)
    desk = stage.desk
    people = AskDesk(desk.client, desk.db, desk.ids, desk.workplace)
    said = await people.vote(one.session_id, desk.signer, {"call_id": str(call.call_id)})
    assert said.json()["calls"][0]["status"] == "approved", said.text
    return one, call


async def claimed(hand: Hand, call: CallOutcome, claim_id: UUID | None = None) -> ClaimAnswer:
    """Claim a call."""
    asked = ClaimCall(claim_id=claim_id or hand.ids.new())
    return await claim.claim_call(hand.runtime, hand.caller, call.call_id, asked)
