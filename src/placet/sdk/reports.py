"""How a tool's run ended, and the receipt that says so."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.refusals import Refusal
from placet.kernel.value import Value
from placet.replay.calls.model import ReceiptStatus
from placet.sdk.answers import ReceiptAnswer
from placet.sdk.endpoints import NextRequest, Owed, Receipt, Settle
from placet.sdk.errors import NotDone, OutcomeUnknown
from placet.sdk.notes import Attestation, Notes
from placet.sdk.outbox import LOG
from placet.sdk.session import Session

OUTPUT_MAX: Final = 512 * 1024
"""Bytes of a result that are told to the service; a larger one is the caller's alone."""

NEVER_BEGUN: Final = "never_begun"

_CUT_SHORT: Final = ("timeout", "timedout", "connection", "networkerror", "protocolerror")
"""Parts of the names of what libraries raise where a request was sent and its answer was lost.

Many of them are no `TimeoutError` and no `ConnectionError` of Python's.
"""


class Ran(Value, frozen=True):
    """How a tool's run ended. Times are this process's own, and only told."""

    status: ReceiptStatus
    started_at: datetime
    completed_at: datetime
    output: str | None = None
    error: str | None = None
    external_ref: str | None = None
    cost_micros: int | None = None
    attestation: Attestation | None = None

    def __repr__(self) -> str:
        """Show how it ended, without its output."""
        return f"Ran({self.status.value})"


def did(result: object, started_at: datetime, completed_at: datetime) -> Ran:
    """Return the outcome of a tool that returned; its result is told where JSON can hold it."""
    return ended_well(output_of(result), started_at, completed_at)


def ended_well(output: str | None, started_at: datetime, completed_at: datetime) -> Ran:
    """Return the outcome of a tool that did what it should, with this JSON text to tell, if any."""
    return Ran(
        status=ReceiptStatus.SUCCEEDED,
        started_at=started_at,
        completed_at=completed_at,
        output=output,
    )


def noted(ran: Ran, notes: Notes) -> Ran:
    """Return the outcome with what the tool said beside its result."""
    return msgspec.structs.replace(
        ran,
        external_ref=notes.external_ref,
        cost_micros=notes.cost_micros,
        attestation=notes.attestation,
    )


def fell(
    fault: BaseException, started_at: datetime, completed_at: datetime, *, is_grave: bool
) -> Ran:
    """Return the outcome of a tool that raised. Only the exception's type is told.

    Its text may hold what the contract redacts.
    """
    return Ran(
        status=status_of(fault, is_grave=is_grave),
        started_at=started_at,
        completed_at=completed_at,
        error=type(fault).__name__,
    )


def never_begun(at: datetime) -> Ran:
    """Return the outcome of a call that was granted, was not begun, and never will be."""
    return Ran(status=ReceiptStatus.FAILED, started_at=at, completed_at=at, error=NEVER_BEGUN)


def status_of(fault: BaseException, *, is_grave: bool) -> ReceiptStatus:
    """Return what an exception says of the tool's effect; `is_grave` where a start is required.

    Only `NotDone` says for certain that there was none. A time-out, a lost connection, a
    cancellation and an interrupted process say nothing of it. Any other exception means a failure,
    but not from a grave tool: a wrong guess there would let its effect happen twice.
    """
    if isinstance(fault, NotDone):
        return ReceiptStatus.FAILED
    behind = list(_behind(fault, set()))
    if any(_is_of_unknown_effect(each) for each in behind):
        return ReceiptStatus.UNKNOWN
    if any(_is_cut_short(each) for each in behind):
        return ReceiptStatus.TIMED_OUT
    return ReceiptStatus.UNKNOWN if is_grave else ReceiptStatus.FAILED


def _behind(fault: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """Yield an exception, what it was raised from, and the members of a group."""
    if id(fault) in seen:
        return
    seen.add(id(fault))
    yield fault
    if fault.__cause__ is not None:
        yield from _behind(fault.__cause__, seen)
    if isinstance(fault, BaseExceptionGroup):
        for member in fault.exceptions:
            yield from _behind(member, seen)


def _is_of_unknown_effect(fault: BaseException) -> bool:
    return isinstance(fault, OutcomeUnknown) or not isinstance(
        fault, Exception | asyncio.CancelledError
    )


def _is_cut_short(fault: BaseException) -> bool:
    if isinstance(fault, TimeoutError | ConnectionError | asyncio.CancelledError):
        return True
    names = [kind.__name__.lower() for kind in type(fault).__mro__]
    return any(part in name for part in _CUT_SHORT for name in names)


def output_of(result: object) -> str | None:
    """Return a result as JSON text in foreign form, or none where it is too large or no JSON.

    Structs, dataclasses, times and ids become what they are in JSON.
    """
    try:
        text = foreign.encode(msgspec.to_builtins(result))
    except Exception:  # noqa: BLE001 -- a result is anybody's object, and its effect has happened
        LOG.warning("a result of type %s has no JSON form and is not told", type(result).__name__)
        return None
    if len(text) > OUTPUT_MAX:
        LOG.warning("a result of %d bytes is too large to be told", len(text))
        return None
    return text.decode()


async def cite(session: Session, answer: ReceiptAnswer, status: ReceiptStatus) -> None:
    """Settle an unknown call by a receipt of its end that came later; raises nothing."""
    if status not in {ReceiptStatus.SUCCEEDED, ReceiptStatus.FAILED}:
        return
    settle = Settle(
        settlement_id=session.means.ids.new(),
        call_id=answer.call_id,
        outcome=status,
        reason="its tool went on, and its end is known now",
        receipt_id=answer.receipt_id,
    )
    try:
        await session.settle(settle)
    except Refusal as refusal:
        LOG.warning("call %s stays unknown: %s", answer.call_id, refusal)


class Subject(Value, frozen=True):
    """What a receipt is about: a call, what was run, and the text of its grant for hosts.

    The grant proves the call where the service does not know of it any more, and the arguments tell
    it then what the call took.
    """

    call_id: UUID
    arguments_hash: str
    grant: str | None = None
    arguments: str | None = None

    def __repr__(self) -> str:
        """Show the call; whoever has the grant may use it, and arguments are nobody else's."""
        return f"Subject({self.call_id})"


async def report(
    session: Session, subject: Subject, ran: Ran, following: NextRequest | None = None
) -> ReceiptAnswer | None:
    """Send the receipt of a call, and go on sending it if this task is cancelled meanwhile.

    It carries the preflight of the `following` model request, if one is given.
    """
    receipt = Receipt(
        call_id=subject.call_id,
        idempotency_key=str(session.means.ids.new()),
        status=ran.status,
        arguments_hash=subject.arguments_hash,
        output=ran.output,
        started_at=ran.started_at,
        completed_at=ran.completed_at,
        error=ran.error,
        external_ref=ran.external_ref,
        cost_micros=ran.cost_micros,
        attestation=ran.attestation,
    )
    owed = Owed(receipt=receipt, grant=subject.grant, arguments=subject.arguments)
    sending = asyncio.ensure_future(session.report(owed, following))
    session.outlive(sending)
    return await asyncio.shield(sending)
