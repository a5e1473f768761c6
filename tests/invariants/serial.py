"""What a play came to, beside what its works come to one after the other.

Among the plays of one combination are those whose transactions never overlap. Every other play must
have come to what one of these came to, with the works in an order that keeps who was through before
another began. What each work was answered, and where the session stands afterwards, is compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace
from tests.invariants.claims import signed
from tests.invariants.explored_judged import Stored
from tests.invariants.explorer import Done, Play
from tests.invariants.interleave import code_of

from placet.replay.asks.answers import ClaimAnswer
from placet.replay.calls.answers import (
    ProposalAnswer,
    ReceiptAnswer,
    SettlementAnswer,
    Started,
)
from placet.replay.closings.model import CloseAnswer
from placet.replay.sessions.lease_model import LeaseAnswer
from placet.replay.sessions.model import KillAnswer
from placet.replay.sessions.rules import decode_state, encode_state

PREPARED = "RequestPrepared"
"""A request that was prepared before a wide kill and answered after it is left over, and harms
nobody: where a work is both, a kill may come between the two."""


@dataclass(frozen=True)
class Result:
    """What a play came to: each actor's answers in the order of its script, and what is stored."""

    answers: frozenset[tuple[int, int, object]]
    stored: tuple[object, ...]


def result_of(played: Play, kept: Stored) -> Result:
    """Return what a play came to, without ids and times."""
    places: dict[int, int] = {}
    answers = set()
    for one in played.done:
        place = places[one.actor] = places.get(one.actor, 0) + 1
        answers.add((one.actor, place, answer_of(one.outcome)))
    row = kept.row
    calls = [
        (c["tool_name"], c["status"], c["execution_state"], c["commit_state"], c["evidence_level"])
        for c in kept.calls
    ]
    return Result(
        frozenset(answers),
        (
            row["status"],
            row["state_version"],
            row["control_revision"],
            row["fence"],
            _without_ids(bytes(row["state"])),
            tuple(sorted(calls)),
            tuple(sorted((r["status"], r["late"], r["conflicting"]) for r in kept.receipts)),
            tuple(sorted(event["type"] for event in kept.events if event["type"] != PREPARED)),
        ),
    )


def _without_ids(state: bytes) -> bytes:
    """Return a state in which the calls that went wrong are counted, and not named."""
    read = decode_state(state)
    return encode_state(replace(read, erred=["" for _ in read.erred]))


def answer_of(outcome: object) -> object:
    """Return what an answer says, without its ids and times."""
    match outcome:
        case ProposalAnswer():
            calls = tuple(call.status for call in outcome.calls)
            return ("ok", outcome.replayed, calls, signed(outcome))
        case ClaimAnswer():
            calls = tuple(call.status for call in outcome.calls)
            return ("ok", outcome.replayed, calls, signed(outcome))
        case Started():
            return ("ok", outcome.replayed, outcome.execution_state)
        case ReceiptAnswer():
            said = (outcome.late, outcome.conflicting, outcome.settled, outcome.replayed)
            return ("ok", *said, outcome.next is None, outcome.call_status, outcome.execution_state)
        case SettlementAnswer():
            return ("ok", outcome.replayed, outcome.execution_state)
        case LeaseAnswer():
            return ("ok", outcome.replayed, outcome.fence.n)
        case KillAnswer():
            return ("ok", outcome.replayed, outcome.control_revision, len(outcome.unconfirmed))
        case CloseAnswer():
            return ("ok", outcome.replayed, outcome.status, len(outcome.unsettled))
        case _:
            return (code_of(outcome),)


def is_serial(played: Play) -> bool:
    """Tell whether no transaction of a play overlaps another."""
    return all(one.ended == one.began + 1 for one in played.done)


def strays(plays: Sequence[tuple[Play, Result]]) -> list[tuple[Play, Result]]:
    """Return the plays that came to something that no serial play comes to."""
    serial = [(played, result) for played, result in plays if is_serial(played)]
    found = []
    for played, result in plays:
        if not any(result == other and _keeps(played, by) for by, other in serial):
            found.append((played, result))
    return found


def _keeps(played: Play, serial: Play) -> bool:
    """Tell whether a serial play keeps who was through before another began."""
    place = {
        (one.actor, one.name, number): at for at, (one, number) in enumerate(_numbered(serial))
    }
    known = [(place[one.actor, one.name, number], one) for one, number in _numbered(played)]
    return all(
        first_at < later_at
        for first_at, first in known
        for later_at, later in known
        if first.ended < later.began
    )


def _numbered(played: Play) -> list[tuple[Done, int]]:
    """Return each work with how often its actor had done one of that name before."""
    seen: dict[tuple[int, str], int] = {}
    found = []
    for one in played.done:
        number = seen[one.actor, one.name] = seen.get((one.actor, one.name), 0) + 1
        found.append((one, number))
    return found
