"""What became of a call that nobody can say anything of: ask the read that its contract names.

The read is governed as any other call. The service judges by what the read answered; this only has
it run, and cites it. Nothing here begins by itself: whoever takes a session over asks for it.
"""

from enum import StrEnum
from typing import Final

import msgspec

from placet.kernel.value import Value
from placet.replay.calls.model import ReceiptStatus
from placet.replay.reconciliations.model import ReadRefused
from placet.replay.sessions.refusals import EvidenceTooWeak, TransitionNotAllowed
from placet.sdk.answers import PendingCall
from placet.sdk.endpoints import Settle, ToolCall
from placet.sdk.outcomes import Ending
from placet.sdk.session import Session
from placet.sdk.turn import Tools, run_turn

_REASON: Final = "the read that the contract names tells of it"


class Reading(StrEnum):
    """How far a call came that was to be reconciled."""

    SETTLED = "settled"
    UNTOLD = "untold"
    NO_READ = "no_read"
    NO_TOOL = "no_tool"
    TOO_EARLY = "too_early"
    NOT_READ = "not_read"
    REFUSED = "refused"


class Reconciled(Value, frozen=True):
    """What a read told of an unknown call; `outcome` is there where it settled it.

    `untold`: the read says nothing yet, ask later. `too_early`: the call may still act.
    `no_read`: the contract names none, or the call lacks what it asks by. `no_tool`: the read is no
    tool of this process. `not_read`: it was not run to an end. `refused`: it does not count, is not
    evidence enough, or the call was settled meanwhile. `detail` says it in words.
    """

    reading: Reading
    outcome: ReceiptStatus | None = None
    detail: str = ""


async def reconcile(session: Session, call: PendingCall, tools: Tools) -> Reconciled:
    """Have the read run that tells of an unknown call of this session, and settle the call by it.

    `call` is one of `session.state(pending=True)`; `tools` maps names to callables, among them the
    read's. Raises the service's refusals, such as a lost lease. Safe to do again: an unknown call
    is settled once.
    """
    read = call.reconcile
    if read is None or read.arguments is None:
        return _not(Reading.NO_READ, f"no read tells of this call of `{call.tool}`")
    if read.tool not in tools:
        return _not(Reading.NO_TOOL, f"the read `{read.tool}` is no tool of this process")
    if session.posture_now() is not None:
        return _not(Reading.NOT_READ, "nobody answers for this session now")
    now = session.check().service_time(session.means.clock.monotonic())
    if now < read.not_before:
        return _not(Reading.TOO_EARLY, f"the call may still act until {read.not_before}")
    asked = ToolCall(id=str(session.means.ids.new()), name=read.tool, arguments=read.arguments)
    (told,) = await run_turn(session, [asked], tools)
    if told.call_id is None or told.ending is not Ending.SUCCEEDED:
        return _not(Reading.NOT_READ, told.text)
    settle = Settle(
        settlement_id=session.means.ids.new(),
        call_id=call.call_id,
        reason=_REASON,
        reconciled_by=told.call_id,
    )
    try:
        settled = await session.settle(settle)
    except (ReadRefused, EvidenceTooWeak, TransitionNotAllowed) as refusal:
        return _not(Reading.REFUSED, str(refusal))
    if settled.outcome is None:
        return _not(Reading.UNTOLD, f"`{read.tool}` does not tell yet")
    done = _not(Reading.SETTLED, f"`{read.tool}` tells that it {settled.outcome.value}")
    return msgspec.structs.replace(done, outcome=settled.outcome)


def _not(reading: Reading, detail: str) -> Reconciled:
    return Reconciled(reading=reading, detail=detail)
