"""Recordings that nobody made, for what needs many of them."""

import random  # noqa: TID251 -- seeded: the same recordings in every run
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.replay.calls.model import CallStatus, ExecutionState, ReceiptStatus, Verdict
from placet.replay.recordings.model import RecordedCall, Recording

START = datetime(2030, 1, 1, tzinfo=UTC)
UNTIL = START + timedelta(days=9)
ENDS = (
    (CallStatus.SETTLED, ExecutionState.SUCCEEDED, ReceiptStatus.SUCCEEDED),
    (CallStatus.SETTLED, ExecutionState.FAILED, ReceiptStatus.FAILED),
    (CallStatus.UNKNOWN, ExecutionState.UNKNOWN, None),
    (CallStatus.ABANDONED, ExecutionState.NOT_STARTED, None),
    (CallStatus.BLOCKED, ExecutionState.NOT_STARTED, None),
    (CallStatus.SHADOWED, ExecutionState.NOT_STARTED, ReceiptStatus.SUCCEEDED),
)


def made_call(  # noqa: PLR0913 -- a call has many parts, each of which some test is about
    number: int,
    tool: str = "note",
    arguments: Json = None,
    *,
    step: int | None = None,
    at: float = 0,
    settled: float = 1,
    ended: int = 0,
    output: Json = None,
    granted: float | None = None,
    verdict: Verdict = Verdict.ALLOW,
) -> RecordedCall:
    """Return a call that was proposed `at` seconds from the start, and settled some time later."""
    status, execution, told = ENDS[ended]
    proposed = START + timedelta(seconds=at)
    settled_at = proposed + timedelta(seconds=settled)
    return RecordedCall(
        session_id=UUID(int=1),
        call_id=UUID(int=number + 1),
        step_id=number if step is None else step,
        ordinal=number,
        tool_name=tool,
        arguments=foreign.encode({"text": "x"} if arguments is None else arguments),
        arguments_hash=bytes(32),
        verdict=verdict,
        layer=None,
        reasons=[],
        status=status,
        execution_state=execution,
        proposed_at=proposed,
        granted_at=None if granted is None else START + timedelta(seconds=granted),
        grant_expires_at=settled_at,
        settled_at=settled_at if status is CallStatus.SETTLED else None,
        told=told,
        told_at=None if told is None else settled_at,
        output=None if output is None else foreign.encode(output),
    )


def made_sessions(count: int, calls: int, seed: int = 1) -> Iterator[Recording]:
    """Yield sessions of a refund desk in which everything happens: see `tests.replay.desk`."""
    chance = random.Random(seed)  # noqa: S311 -- no secret
    for session in range(count):
        made = []
        at = 0.0
        for number in range(calls):
            at += chance.choice((0.5, 2, 400))
            made.append(_one(chance, session * calls + number, at))
        yield Recording(session_id=UUID(int=session), until=UNTIL, calls=made)


def _one(chance: random.Random, number: int, at: float) -> RecordedCall:
    order = f"ord_{chance.choice('abcdefgh') * 8}"
    lookup: Json = {"order_id": order}
    refund: Json = {"order_id": order, "amount_cents": chance.randrange(1, 60_000)}
    others: list[tuple[str, Json]] = [
        ("change_payout_account", {"account": "x"}),
        ("delete_customer", {"customer": "c"}),
        ("no_such_tool", {}),
    ]
    often: list[tuple[str, Json]] = [("lookup_order", lookup), ("issue_refund", refund)]
    seldom: list[tuple[str, Json]] = [("note", {"text": "late"}), ("escalate", {"reason": "angry"})]
    asked = [*often * 20, *seldom * 5, *others]
    tool, arguments = chance.choice(asked)
    output: Json = {"status": chance.choice(("delivered", "delivered", "lost"))}
    is_approved = chance.random() < 0.2
    return made_call(
        number,
        tool,
        arguments,
        at=at,
        settled=chance.choice((0.1, 1, 30)),
        ended=chance.choice((0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5)),
        output=chance.choice((output, output, output, None)),
        granted=at + 0.05 if is_approved else None,
        verdict=Verdict.ASK if is_approved else Verdict.ALLOW,
    )
