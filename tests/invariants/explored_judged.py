"""What must hold of a play: of the order in which its works committed, and of all that is stored.

The order of commits is the truth here. A lease that was granted overtakes whoever wrote under an
older fence (I2); a kill that was answered lets nothing pass after it (I11). Everything else is read
from the stored rows and events of the session.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

import asyncpg
from tests.invariants.claims import broken, granted, signed
from tests.invariants.explored import ASKING, NOTES_MAX, REFUND, Seat
from tests.invariants.explorer import Done, Play
from tests.invariants.interleave import code_of

from placet.authority.controls.model import ControlInForce
from placet.replay.asks.answers import ClaimAnswer
from placet.replay.calls.answers import Prepared, ProposalAnswer, ReceiptAnswer, Started
from placet.replay.calls.fold import fold
from placet.replay.closings.model import CloseAnswer
from placet.replay.sessions.lease_model import LeaseAnswer
from placet.replay.sessions.model import KillAnswer
from placet.replay.sessions.rules import encode_state

GOOD_ENOUGH: Final = {"executor_attested", "externally_verified"}
LEASES: Final = {"heir is given the lease", "heir takes the lease", "twin takes the lease anew"}
REPORTS: Final = {"worker succeeds", "worker succeeds and goes on", "worker fails", "twin fails"}
HOLDING: Final = {"granted", "unknown", "settled"}
TABLES: Final = {
    "session": "replay_session",
    "prepared": "replay_prepared_request",
    "calls": "replay_pending_call",
    "receipts": "replay_execution_receipt",
    "effects": "replay_effect_key",
}


@dataclass
class Stored:
    """All that is stored of one session. Events are in their order, with their bodies."""

    session: list[asyncpg.Record] = field(default_factory=list)
    prepared: list[asyncpg.Record] = field(default_factory=list)
    calls: list[asyncpg.Record] = field(default_factory=list)
    receipts: list[asyncpg.Record] = field(default_factory=list)
    effects: list[asyncpg.Record] = field(default_factory=list)
    events: list[asyncpg.Record] = field(default_factory=list)

    @property
    def row(self) -> asyncpg.Record:
        """Return the session's own row."""
        (row,) = self.session
        return row

    def said(self, *kinds: str) -> list[asyncpg.Record]:
        """Return the events of these types."""
        return [event for event in self.events if event["type"] in kinds]


async def stored(
    watch: "asyncpg.Connection[Any]", session_ids: Sequence[UUID]
) -> dict[UUID, Stored]:
    """Return all that is stored of these sessions."""
    found: dict[UUID, Stored] = defaultdict(Stored)
    for name, table in TABLES.items():
        query = f"SELECT * FROM placet.{table} WHERE session_id = ANY ($1)"  # noqa: S608 -- the tables are those above
        for row in await watch.fetch(query, session_ids):
            getattr(found[row["session_id"]], name).append(row)
    for row in await watch.fetch(
        "SELECT e.*, b.body FROM placet.event AS e JOIN placet.event_body AS b"
        " USING (tenant_id, stream_id, seq) WHERE e.stream_id = ANY ($1)"
        " ORDER BY e.stream_id, e.seq",
        session_ids,
    ):
        found[row["stream_id"]].events.append(row)
    return found


async def ran_out(watch: "asyncpg.Connection[Any]", session_ids: Sequence[UUID]) -> int:
    """Return how many leases of these sessions ended by themselves, and not by any work.

    A claim or a proposal after that is refused for the time of day, whatever came before it.
    """
    ended: int = await watch.fetchval(
        "SELECT count(*) FROM placet.replay_session WHERE session_id = ANY ($1)"
        " AND lease_expires_at > '-infinity' AND lease_expires_at <= clock_timestamp()",
        session_ids,
    )
    return ended


def judge(seat: Seat, played: Play, kept: Stored) -> list[str]:
    """Return what a play broke, as the claims that do not hold."""
    return broken(
        {
            "no work ends in a fault": not _faults(played),
            "I1: every lease has a higher fence than the one before": _rises(_fences(kept)),
            "I2: nobody writes under a fence that was overtaken": not _overtaken(played),
            "I8: every call came with a consumed request": _consumed(kept) >= _proposed(kept),
            "I13: no receipt is refused": not _refused(played),
            "I13: every receipt is kept": _reports(played)
            <= {r["receipt_id"] for r in kept.receipts},
            "I14: the state is the fold of the events": _folds(kept),
            "I40: no call is due before its session is": not _forgotten(kept),
            "the sequence has no gap": [e["seq"] for e in kept.events]
            == list(range(1, kept.row["next_seq"])),
        }
        | _once(seat, played, kept)
        | _scarce(kept)
        | _stopped(played, kept)
    )


def _faults(played: Play) -> list[Done]:
    return [one for one in played.done if code_of(one.outcome).startswith("fault")]


def _forgotten(kept: Stored) -> list[UUID]:
    """Return the calls that no sweep would find, which begins where its session is due."""
    return [
        call["call_id"]
        for call in kept.calls
        if call["status"] in {"granted", "awaiting_approval"}
        and (call["grant_expires_at"] or call["deadline_at"]) < kept.row["next_due_at"]
    ]


def _fences(kept: Stored) -> list[int]:
    return [event["fence"] for event in kept.said("LeaseGranted", "LeaseStolen")]


def _rises(numbers: list[int]) -> bool:
    return all(before < after for before, after in pairwise(numbers))


def _overtaken(played: Play) -> list[str]:
    highest, found = 0, []
    for one in played.done:
        if code_of(one.outcome) != "ok":
            continue
        match one.outcome:
            case ProposalAnswer() | ClaimAnswer() if not one.outcome.replayed or signed(
                one.outcome
            ):
                found += [one.name] * (one.fence.n < highest)
            case Started():
                found += [one.name] * (one.fence.n < highest)
            case ReceiptAnswer(next=Prepared()) if not one.outcome.replayed:
                found += [one.name] * (one.fence.n < highest)
            case LeaseAnswer() if one.name == "worker renews":
                found += [one.name] * (one.fence.n < highest)
            case LeaseAnswer() if one.name in LEASES:
                highest = max(highest, one.outcome.fence.n)
            case _:
                pass
    return found


def _consumed(kept: Stored) -> set[UUID]:
    return {one["prepared_request_id"] for one in kept.prepared if one["consumed_at"] is not None}


def _proposed(kept: Stored) -> set[UUID]:
    return {call["prepared_request_id"] for call in kept.calls}


def _reports(played: Play) -> set[UUID]:
    return {one.outcome.receipt_id for one in played.done if isinstance(one.outcome, ReceiptAnswer)}


def _refused(played: Play) -> list[str]:
    return [one.name for one in played.done if one.name in REPORTS and code_of(one.outcome) != "ok"]


def _folds(kept: Stored) -> bool:
    state = fold((event["type"], event["body"]) for event in kept.events)
    return encode_state(state) == bytes(kept.row["state"]) and (
        state.phase == kept.row["current_phase"]
    )


def _once(seat: Seat, played: Play, kept: Stored) -> dict[str, bool]:
    """Claim that nothing took effect twice, and that a refusal left nothing behind."""
    first = [
        one.outcome
        for one in played.done
        if isinstance(one.outcome, ProposalAnswer)
        and seat.prepared is not None
        and one.outcome.prepared_request_id == seat.prepared.prepared_request_id
        and not one.outcome.replayed
    ]
    starts = Counter(event["body"][:60] for event in kept.said("CallStarted"))
    settled = [call for call in kept.calls if call["settled_at"] is not None]
    return {
        "I7: one response is the first": len(first) <= 1,
        "I7: who is consumed was answered, and only they": len(kept.said("ProposalDecided"))
        == len(_consumed(kept)),
        "I10: a grant is redeemed once": all(number == 1 for number in starts.values())
        and len(kept.said("CallStarted"))
        == sum(call["started_at"] is not None for call in kept.calls),
        "I8: what people approved is granted once": len(kept.said("CallClaimed"))
        == sum(call["granted_at"] is not None for call in kept.calls if call["tool_name"] == ASKING)
        <= 1,
        "I10: a call is settled once": len(kept.said("CallSettled")) == len(settled),
        "a receipt that came is an event": len(kept.said("ReceiptReceived")) == len(kept.receipts),
    }


def _scarce(kept: Stored) -> dict[str, bool]:
    """Claim that what is scarce was held by one at a time, at its worst case."""
    notes = [call for call in kept.calls if call["tool_name"] == "note" and _holds(call)]
    refunds = [call for call in kept.calls if call["tool_name"] == REFUND and _holds(call)]
    live = [key for key in kept.effects if key["released_at"] is None]
    return {
        "a limit counts what is granted, unknown and committed": len(notes) <= NOTES_MAX,
        "an effect is granted once, unless it is evidenced that it failed": len(refunds) <= 1,
        "an effect that may have happened keeps its key": {key["call_id"] for key in live}
        == {call["call_id"] for call in refunds},
    }


def _holds(call: asyncpg.Record) -> bool:
    has_failed = call["status"] == "settled" and call["execution_state"] == "failed"
    # A mere claim of failure frees nothing that is grave in production.
    freed = has_failed and (call["tool_name"] != REFUND or call["evidence_level"] in GOOD_ENOUGH)
    return call["status"] in HOLDING and not freed


def _stopped(played: Play, kept: Stored) -> dict[str, bool]:
    """Claim that after a stop was answered nothing passed that it reaches."""
    claims: dict[str, bool] = {}
    for stop in played.done:
        after = [one for one in played.done if one.ended > stop.ended]
        match stop.outcome:
            case KillAnswer():
                seen = [call["grant_control_revision"] for call in _granted(kept)]
                claims |= {
                    "I11: nothing passes after a kill of the session": not _passed(after),
                    "I11: no grant saw the kill": all(
                        number < stop.outcome.control_revision for number in seen
                    ),
                }
            case CloseAnswer():
                claims["nothing passes after a close"] = not _passed(after, starts=False)
            case ControlInForce():
                reached = [
                    one for one in after if stop.name != "tool is killed" or "note" not in one.name
                ]
                calls = [
                    call
                    for call in _granted(kept)
                    if stop.name != "tool is killed" or call["tool_name"] == REFUND
                ]
                claims |= {
                    f"I11: nothing passes after {stop.name}": not _passed(reached),
                    f"I11: no grant saw that {stop.name}": all(
                        call["grant_control_epoch"] < stop.outcome.control_epoch for call in calls
                    ),
                }
            case _:
                pass
    return claims


def _granted(kept: Stored) -> list[asyncpg.Record]:
    return [call for call in kept.calls if call["granted_at"] is not None]


def _passed(later: Sequence[Done], *, starts: bool = True) -> list[str]:
    return [
        one.name
        for one in later
        if (starts and isinstance(one.outcome, Started))
        or (
            granted(one.outcome)
            and (signed(one.outcome) or not getattr(one.outcome, "replayed", False))
        )
    ]
