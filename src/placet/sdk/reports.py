"""How a tool's run ended, and the receipt that says so."""

import asyncio
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.value import Value
from placet.replay.calls.model import ReceiptStatus
from placet.sdk.arguments import Arguments
from placet.sdk.endpoints import Receipt
from placet.sdk.errors import OutcomeUnknown
from placet.sdk.outbox import LOG
from placet.sdk.session import Session

OUTPUT_MAX: Final = 512 * 1024
"""Bytes of a result that are told to the service; a larger one is the caller's alone."""

NEVER_BEGUN: Final = "never_begun"


class Ran(Value, frozen=True):
    """How a tool's run ended. Times are this process's own, and only told."""

    status: ReceiptStatus
    started_at: datetime
    completed_at: datetime
    output: str | None = None
    error: str | None = None

    def __repr__(self) -> str:
        """Show how it ended, without its output."""
        return f"Ran({self.status.value})"


def did(result: object, started_at: datetime, completed_at: datetime) -> Ran:
    """Return the outcome of a tool that returned; its result is told where JSON can hold it."""
    return Ran(
        status=ReceiptStatus.SUCCEEDED,
        started_at=started_at,
        completed_at=completed_at,
        output=output_of(result),
    )


def fell(fault: BaseException, started_at: datetime, completed_at: datetime) -> Ran:
    """Return the outcome of a tool that raised. Only the exception's type is told.

    Its text may hold what the contract redacts.
    """
    return Ran(
        status=status_of(fault),
        started_at=started_at,
        completed_at=completed_at,
        error=type(fault).__name__,
    )


def never_begun(at: datetime) -> Ran:
    """Return the outcome of a call that was granted, was not begun, and never will be."""
    return Ran(status=ReceiptStatus.FAILED, started_at=at, completed_at=at, error=NEVER_BEGUN)


def status_of(fault: BaseException) -> ReceiptStatus:
    """Return what an exception says of the tool's effect.

    A time-out or a cancellation says nothing of it, and neither does an interrupted process.
    """
    match fault:
        case OutcomeUnknown():
            return ReceiptStatus.UNKNOWN
        case TimeoutError() | asyncio.CancelledError():
            return ReceiptStatus.TIMED_OUT
        case Exception():
            return ReceiptStatus.FAILED
        case _:
            return ReceiptStatus.UNKNOWN


def output_of(result: object) -> str | None:
    """Return a result as JSON text in foreign form, or none where it is too large or no JSON.

    Structs, dataclasses, times and ids become what they are in JSON.
    """
    try:
        text = foreign.encode(msgspec.to_builtins(result))
    except (TypeError, ValueError, RecursionError):
        LOG.warning("a result of type %s has no JSON form and is not told", type(result).__name__)
        return None
    if len(text) > OUTPUT_MAX:
        LOG.warning("a result of %d bytes is too large to be told", len(text))
        return None
    return text.decode()


async def report(session: Session, call_id: UUID, arguments: Arguments, ran: Ran) -> None:
    """Send the receipt of a call, and go on sending it if this task is cancelled meanwhile."""
    receipt = Receipt(
        call_id=call_id,
        idempotency_key=str(session.means.ids.new()),
        status=ran.status,
        arguments_hash=arguments.hash,
        output=ran.output,
        started_at=ran.started_at,
        completed_at=ran.completed_at,
        error=ran.error,
    )
    sending = asyncio.ensure_future(session.report(receipt))
    session.outlive(sending)
    await asyncio.shield(sending)
