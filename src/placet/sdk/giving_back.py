"""What was granted and is not wanted any more is given back, and nothing falsely."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TypeVar

from placet.kernel.principal import Environment
from placet.replay.calls.model import CallStatus
from placet.sdk.answers import ProposedCall
from placet.sdk.arguments import Arguments
from placet.sdk.errors import GrantRefused
from placet.sdk.reports import Subject, never_begun, report
from placet.sdk.session import Session

T = TypeVar("T")


async def undisturbed(
    session: Session, asking: Coroutine[object, object, T], regret: Callable[[T], Awaitable[None]]
) -> T:
    """Return what is answered. Where nobody waits for it any more, `regret` what was answered.

    A request that is on its way cannot be taken back: it is let come to its end, and what it was
    granted is given back before the session is left.
    """
    sent = asyncio.ensure_future(asking)
    try:
        return await asyncio.shield(sent)
    except asyncio.CancelledError:
        session.outlive(asyncio.ensure_future(_regretted(sent, regret)))
        raise


async def _regretted(sent: "asyncio.Future[T]", regret: Callable[[T], Awaitable[None]]) -> None:
    await asyncio.wait([sent])
    if not sent.cancelled() and sent.exception() is None:
        await regret(sent.result())


async def forgo(
    session: Session, call: ProposedCall, arguments: Arguments, *, is_ours: bool
) -> None:
    """Report that a granted call was never begun and never will be, if that is surely so."""
    if call.status is CallStatus.GRANTED and session.claim(call.call_id) and is_ours:
        await give_back(session, call, arguments.hash)


async def forgo_claimed(session: Session, calls: Sequence[ProposedCall]) -> None:
    """Report of calls that were claimed here that they were never begun, as `forgo` does."""
    for call in calls:
        if call.status is not CallStatus.GRANTED or call.arguments_hash is None:
            continue
        if session.claim(call.call_id):
            await give_back(session, call, call.arguments_hash)


async def give_back(session: Session, call: ProposedCall, arguments_hash: str) -> None:
    """Report of a call that was claimed here that it was never begun, where that may be said."""
    # In production a mere word of a grave call's failure settles nothing, and would speak against
    # what the service finds by itself: that a grant which was to be redeemed never was.
    if session.environment is Environment.PRODUCTION and call.start_required:
        return
    ran = never_begun(session.means.clock.now())
    subject = Subject(
        call_id=call.call_id, arguments_hash=arguments_hash, grant=_header_or_none(call)
    )
    await report(session, subject, ran)


def _header_or_none(call: ProposedCall) -> str | None:
    from placet.sdk.grants import header_of  # noqa: PLC0415 -- it loads the signature library

    with contextlib.suppress(GrantRefused):
        return header_of(call)
    return None
