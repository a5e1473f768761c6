"""Races for the right to write: who consumes a prepared request, and under which fence."""

from datetime import timedelta

import asyncpg
from tests.invariants.claims import broken, ended, granted, signed
from tests.invariants.interleave import came_to
from tests.invariants.stage import LEASE_END, LOOKUP, PAYOUT, PREPARED_END, Stage, refund

from placet.events.model import new_event
from placet.replay.calls import store
from placet.replay.calls.answers import ProposalAnswer, ReceiptAnswer, SettlementAnswer
from placet.replay.calls.events import ProposalDecided
from placet.replay.calls.model import CallStatus
from placet.replay.calls.writes import Decided, ProposalWrite
from placet.replay.sessions.lease_model import LeaseAction, LeaseAnswer, LeaseReleased


async def two_responses_to_one_prepared_request(stage: Stage) -> list[str]:
    """I7: a prepared request is consumed once, also when the second response calls no tool."""
    one = await stage.worker()
    other = await stage.twin(one)
    prepared = await one.prepare()
    met = await stage.meet(
        one, lambda: one.propose(prepared, LOOKUP), other, lambda: other.propose(prepared)
    )
    again = await came_to(lambda: one.propose(prepared, LOOKUP))
    kinds = [event["type"] for event in await stage.events(one)]
    return broken(
        {
            "the second waits for the first": met.waited,
            "the first is granted": granted(met.first) == 1,
            "one call is registered": len(await stage.calls(one)) == 1,
            "one decision is recorded": kinds.count("ProposalDecided") == 1,
            "the first answer can be given again": signed(again) == 1,
        }
        | ended(met.second, "prepared_request_consumed")
    )


async def one_response_sent_twice_at_once(stage: Stage) -> list[str]:
    """I10: a twin of a request that is under way gets the first answer, and does nothing."""
    one = await stage.worker()
    other = await stage.twin(one)
    prepared = await one.prepare()
    met = await stage.meet(
        one, lambda: one.propose(prepared, LOOKUP), other, lambda: other.propose(prepared, LOOKUP)
    )
    first, second = met.first, met.second
    return broken(
        {
            "the second waits for the first": met.waited,
            "both get the same grant": isinstance(first, ProposalAnswer)
            and isinstance(second, ProposalAnswer)
            and first.calls == second.calls,
            "the second is told that it is a replay": isinstance(second, ProposalAnswer)
            and second.replayed,
            "one call is registered": len(await stage.calls(one)) == 1,
        }
    )


async def two_model_requests_at_once(stage: Stage) -> list[str]:
    """I8: prepared requests are numbered without a gap or a repeat."""
    one = await stage.worker()
    other = await stage.twin(one)
    met = await stage.meet(one, one.prepare, other, other.prepare)
    numbers = await stage.watch.fetch(
        "SELECT request_seq FROM placet.replay_prepared_request WHERE session_id = $1 ORDER BY 1",
        one.session_id,
    )
    return broken(
        {
            "the second waits for the first": met.waited,
            "the numbers are 1, 2, 3": [row[0] for row in numbers] == [1, 2, 3],
        }
        | ended(met.second, "ok")
    )


async def a_response_decided_on_facts_that_moved(stage: Stage) -> list[str]:
    """I7: a decision commits only on the facts that it was made on, here `forbidden_after`."""
    one = await stage.worker()
    order = stage.order()
    await one.look_up(order)
    other = await stage.twin(one)
    payout, repay = await one.prepare(), await other.prepare()
    met = await stage.meet(
        one,
        lambda: one.propose(payout, PAYOUT),
        other,
        lambda: other.propose(repay, refund(order)),
    )
    return broken(
        {
            "the payout account is changed": granted(met.first) == 1,
            "nothing is refunded after it": granted(met.second) == 0,
        }
        | ended(met.second, "ok")
    )


async def a_steal_before_a_response(stage: Stage) -> list[str]:
    """I2: what an overtaken holder proposed on facts that still hold is not decided."""
    one = await stage.worker()
    prepared = await one.prepare()
    operator = stage.operator(one)
    met = await stage.meet(
        operator,
        lambda: operator.lease(LeaseAction.STEAL, holder="other"),
        one,
        lambda: one.propose(prepared, LOOKUP),
    )
    return broken(
        {
            "the response waits for the steal": met.waited,
            "no call is registered": not await stage.calls(one),
        }
        | ended(met.second, "lease_lost")
    )


async def a_steal_before_a_start(stage: Stage) -> list[str]:
    """I2: an overtaken holder redeems no grant."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    operator = stage.operator(one)
    met = await stage.meet(
        operator,
        lambda: operator.lease(LeaseAction.STEAL, holder="other"),
        one,
        lambda: one.start(call),
    )
    (row,) = await stage.calls(one)
    return broken(
        {
            "the start waits for the steal": met.waited,
            "the call is not started": row["execution_state"] == "not_started",
        }
        | ended(met.second, "lease_lost")
    )


async def a_steal_before_a_renewal(stage: Stage) -> list[str]:
    """I3: an overtaken holder renews nothing, and never the lease of the one who overtook it."""
    one = await stage.worker()
    operator = stage.operator(one)
    met = await stage.meet(
        operator,
        lambda: operator.lease(LeaseAction.STEAL, holder="other"),
        one,
        lambda: one.lease(LeaseAction.RENEW),
    )
    row = await stage.session(one)
    return broken(
        {
            "the renewal waits for the steal": met.waited,
            "the lease is the other's, as it was given": isinstance(met.first, LeaseAnswer)
            and (row["holder"], row["lease_expires_at"]) == ("other", met.first.lease_expires_at),
        }
        | ended(met.second, "lease_lost")
    )


async def a_steal_before_a_receipt(stage: Stage) -> list[str]:
    """I13: an overtaken holder's receipt is kept, settles nothing, and can be cited."""
    one = await stage.worker()
    call = await one.call(*LOOKUP)
    after = stage.hand(1, one.session_id)
    operator = stage.operator(one)
    met = await stage.meet(
        operator,
        lambda: operator.lease(LeaseAction.STEAL, holder=after.holder),
        one,
        lambda: one.report(call, output={"status": "delivered"}),
    )
    (row,) = await stage.calls(one)
    late = met.second
    claims = {
        "the receipt is kept, and called late": isinstance(late, ReceiptAnswer) and late.late,
        "it settles nothing": (row["status"], row["settled_by"]) == ("granted", None),
    } | ended(late, "ok")
    if isinstance(late, ReceiptAnswer) and isinstance(met.first, LeaseAnswer):
        after.fence = met.first.fence
        settled = await came_to(lambda: after.settle(call, receipt_id=late.receipt_id))
        claims["the new holder settles by citing it"] = (
            isinstance(settled, SettlementAnswer) and settled.call_status is CallStatus.SETTLED
        )
    return broken(claims)


async def two_workers_ask_for_a_free_lease(stage: Stage) -> list[str]:
    """I3: no two hold a lease at once."""
    session = await stage.desk.session()
    one, other = stage.hand(0, session), stage.hand(1, session)
    met = await stage.meet(one, one.lease, other, other.lease)
    row = await stage.session(one)
    return broken(
        {
            "the second waits for the first": met.waited,
            "the first has it": row["holder"] == one.holder,
            "one grant was given": row["fence"] == 1,
        }
        | ended(met.second, "lease_held")
    )


async def a_new_grant_to_the_same_holder(stage: Stage) -> list[str]:
    """I1: every grant raises the fence; what carries the old one is refused."""
    one = await stage.worker()
    old = await stage.twin(one)
    prepared = await old.prepare()
    met = await stage.meet(one, one.lease, old, lambda: old.propose(prepared, LOOKUP))
    return broken(
        {
            "the response waits for the grant": met.waited,
            "the fence rises": one.fence > old.fence,
            "no call is registered": not await stage.calls(one),
        }
        | ended(met.second, "lease_lost")
    )


async def a_released_lease(stage: Stage) -> list[str]:
    """I1, I6: the fence outlives a release, and a released lease is nobody's."""
    one = await stage.worker()
    prepared = await one.prepare()
    first = one.fence
    await one.lease(LeaseAction.RELEASE)
    one.fence = first
    after = await came_to(lambda: one.propose(prepared, LOOKUP))
    again = await came_to(lambda: one.lease(LeaseAction.RELEASE))
    one.fence = first
    second = await came_to(one.lease)
    kinds = [event["type"] for event in await stage.events(one)]
    return broken(
        {
            "the next grant has a higher fence": isinstance(second, LeaseAnswer)
            and second.fence > first,
            "it was released once": kinds.count(LeaseReleased.__name__) == 1,
            "a second release is none": isinstance(again, LeaseAnswer) and again.replayed,
        }
        | ended(after, "lease_lost")
    )


async def a_renewal_that_waits_past_the_end(stage: Stage) -> list[str]:
    """I6: a lease that runs out while its renewal waits is not revived."""
    one = await stage.worker()
    other = await stage.twin(one)
    met = await stage.meet(
        other,
        other.prepare,
        one,
        lambda: one.lease(LeaseAction.RENEW),
        lambda: stage.let_time_pass(other, LEASE_END),
    )
    return broken({"the renewal waits": met.waited} | ended(met.second, "lease_lost"))


async def a_response_that_waits_past_the_lease(stage: Stage) -> list[str]:
    """I4: a response whose lease runs out while it waits is not decided."""
    one = await stage.worker()
    prepared = await one.prepare()
    other = await stage.twin(one)
    met = await stage.meet(
        other,
        other.prepare,
        one,
        lambda: one.propose(prepared, LOOKUP),
        lambda: stage.let_time_pass(other, LEASE_END),
    )
    return broken(
        {
            "the response waits": met.waited,
            "no call is registered": not await stage.calls(one),
        }
        | ended(met.second, "lease_lost")
    )


async def a_decision_that_waits_past_its_time(stage: Stage) -> list[str]:
    """I4: a decision whose interval ends while it waits for the session is not written."""
    one = await stage.worker()
    prepared = await one.prepare()
    other = await stage.twin(one)
    row = await stage.session(one)
    until = (await stage.now()) + timedelta(milliseconds=300)
    said = ProposalDecided(
        prepared_request_id=prepared.prepared_request_id,
        request_hash=prepared.request_hash,
        proposal_hash="00" * 32,
        calls=0,
        granted=0,
    )
    write = ProposalWrite(
        prepared_request_id=prepared.prepared_request_id,
        request_hash=bytes.fromhex(prepared.request_hash),
        proposal_hash=bytes(32),
        rows=[],
        answer=b"{}",
        state=row["state"],
        phase=row["current_phase"],
        closes=False,
        granted=0,
        events=[new_event(one.ids, said)],
    )
    decided = Decided(version=row["state_version"], holds_until=until)
    met = await stage.meet(
        other,
        other.prepare,
        one,
        lambda: store.propose(one.side.db.hot, one.caller, decided, write),
        lambda: stage.until(until),
    )
    kinds = [event["type"] for event in await stage.events(one)]
    return broken(
        {
            "the response waits": met.waited,
            "it is to be decided again": isinstance(met.second, asyncpg.Record)
            and met.second["code"] == "redo",
            "nothing was decided": "ProposalDecided" not in kinds,
        }
    )


async def a_refused_response(stage: Stage) -> list[str]:
    """I9: a refusal leaves nothing behind, whatever it is for."""
    one = await stage.worker()
    prepared = await one.prepare()
    overtaken = one.twin(stage.sides[1])
    await one.lease()
    before = await stage.footprint(one)
    claims: dict[str, bool] = {}
    for code, work in (
        ("lease_lost", lambda: overtaken.propose(prepared, LOOKUP)),
        (
            "request_hash_mismatch",
            lambda: one.propose(prepared, LOOKUP, request_hash="cd" * 32),
        ),
    ):
        claims |= ended(await came_to(work), code)
        claims[f"{code} leaves nothing behind"] = await stage.footprint(one) == before
    await stage.let_time_pass(one, PREPARED_END)
    before = await stage.footprint(one)
    claims |= ended(
        await came_to(lambda: one.propose(prepared, LOOKUP)), "prepared_request_expired"
    )
    claims["prepared_request_expired leaves nothing behind"] = await stage.footprint(one) == before
    return broken(claims)
