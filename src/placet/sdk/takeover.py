"""Taking over what an earlier process left in a session.

What it owed is delivered first. Then each open call of an earlier fence is looked at: one that was
surely never begun is given back, one whose end was told too late is settled by what was told, and
one that may have been begun is left as unknown, for whoever knows. Nothing is run here.

What says that a call was never begun: that its grant had to be redeemed and was not, for an
overtaken one cannot be any more; or a journal that knows of every call that was begun under its
fence, and not of this one. One whose grant was redeemed may have been begun, whatever a journal
says.
"""

from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from placet.kernel.principal import Environment
from placet.kernel.refusals import Refusal, Unavailable
from placet.kernel.value import Value
from placet.replay.calls.model import CallStatus, EvidenceLevel, ExecutionState, ReceiptStatus
from placet.sdk.answers import PendingCall, SeenReceipt
from placet.sdk.aside import aside
from placet.sdk.asks import WAITING
from placet.sdk.endpoints import Owed, Receipt, Settle
from placet.sdk.outbox import LOG
from placet.sdk.reports import NEVER_BEGUN
from placet.sdk.session import Session

if TYPE_CHECKING:
    from placet.sdk.journal import Journal

ENDED: Final = "process_ended"
"""What is told of a call that may have been begun by a process that is gone."""

_ROUNDS_MAX: Final = 64
_FINAL: Final = (ReceiptStatus.SUCCEEDED, ReceiptStatus.FAILED)
_LEVELS: Final = list(EvidenceLevel)


class TakenOver(Value, frozen=True):
    """What an earlier process had left, by what became of it: the ids of its calls.

    `delivered` counts receipts that it owed. `never_begun` were given back, or will be abandoned by
    the service once their grants have run out. `settled` are those whose end was told before.
    `unknown` may have happened: do not repeat them. `waiting` wait for people; `Session.resume`
    goes on with them.
    """

    delivered: int = 0
    never_begun: list[UUID] = msgspec.field(default_factory=list)
    settled: list[UUID] = msgspec.field(default_factory=list)
    unknown: list[UUID] = msgspec.field(default_factory=list)
    waiting: list[UUID] = msgspec.field(default_factory=list)


async def take_over(session: Session) -> TakenOver:
    """Deliver what an earlier holder owed, and settle what it left as far as that is known.

    Calls of a later fence are somebody else's and left alone. Raises `GovernanceUnavailable`,
    `LeaseLost` and what ends a session; of one call nothing is raised: what cannot be settled is
    logged and stays as it is.
    """
    journal, outbox, owed = session.attached.journal, session.attached.outbox, session.owed
    begun, refused = set() if journal is None else set(journal.begun()), outbox.refused_count
    await outbox.deliver(session.means.endpoints, session.means.patience)
    found = TakenOver(delivered=owed - session.owed - (outbox.refused_count - refused))
    seen: set[UUID] = set()
    for _ in range(_ROUNDS_MAX):
        # The first open calls are shown; what is settled makes room for more.
        state = await session.state(pending=True)
        fresh = [call for call in state.pending or [] if call.call_id not in seen]
        for call in fresh:
            seen.add(call.call_id)
            await _take(session, call, found)
            if not _is_of_earlier(session, call):
                begun.discard(call.call_id)
        if not state.more_pending:
            # What is not open any more is over, and of the rest all is said that is known here.
            await aside(partial(_forget, journal, begun))
        if not state.more_pending or not fresh:
            break
    return found


def _forget(journal: "Journal | None", begun: set[UUID]) -> None:
    if journal is not None:
        for call_id in begun - {owed.receipt.call_id for owed in journal.owed()}:
            journal.told(call_id, "")


async def _take(session: Session, call: PendingCall, found: TakenOver) -> None:
    if call.status in WAITING:
        found.waiting.append(call.call_id)
        return
    is_open = call.status in {CallStatus.GRANTED, CallStatus.UNKNOWN}
    if not is_open or not _is_of_earlier(session, call) or _is_owed(session, call):
        return
    # Whoever was overtaken meanwhile has no word to say any more.
    session.check()
    if call.status == CallStatus.GRANTED and _surely_never_begun(session, call):
        found.never_begun.append(call.call_id)
        if session.environment is not Environment.PRODUCTION or not call.start_required:
            await _report(session, call, ReceiptStatus.FAILED, NEVER_BEGUN)
    elif await _settled_by_what_was_told(session, call):
        found.settled.append(call.call_id)
    else:
        found.unknown.append(call.call_id)
        if call.status == CallStatus.GRANTED and not call.receipts:
            await _report(session, call, ReceiptStatus.UNKNOWN, ENDED)


def _is_of_earlier(session: Session, call: PendingCall) -> bool:
    """Tell whether a call was granted before this holder, and by neither it nor a later one."""
    own = session.lease.fence
    return call.grant_fence is None or own is None or call.grant_fence < own


def _is_owed(session: Session, call: PendingCall) -> bool:
    """Tell whether its end is known here and on its way."""
    journal = session.attached.journal
    if journal is None:
        return False
    return any(owed.receipt.call_id == call.call_id for owed in journal.owed())


def _surely_never_begun(session: Session, call: PendingCall) -> bool:
    if call.receipts or call.execution_state != ExecutionState.NOT_STARTED:
        return False
    # In development a tool runs without its grant where nobody answers.
    if call.start_required and session.environment is not Environment.DEVELOPMENT:
        return True
    journal = session.attached.journal
    knows = journal is not None and journal.knows(call.grant_fence)
    return journal is not None and knows and not journal.may_have_begun(call.call_id)


async def _settled_by_what_was_told(session: Session, call: PendingCall) -> bool:
    """Settle a call by the best receipt of its end, unless its receipts speak against each other.

    The service judges whether the receipt is evidence enough.
    """
    ends = [one for one in call.receipts if one.status in _FINAL and not one.conflicting]
    if len({one.status for one in ends}) != 1:
        return False
    best = max(ends, key=_weight)
    settle = Settle(
        settlement_id=session.means.ids.new(),
        call_id=call.call_id,
        outcome=best.status,
        reason="told before its session was taken over",
        receipt_id=best.receipt_id,
    )
    try:
        await session.settle(settle)
    except Unavailable:
        raise
    except Refusal as refusal:
        LOG.warning("call %s stays %s: %s", call.call_id, call.status, refusal)
        return False
    return True


def _weight(receipt: SeenReceipt) -> int:
    return _LEVELS.index(receipt.evidence_level)


async def _report(session: Session, call: PendingCall, status: ReceiptStatus, why: str) -> None:
    receipt = Receipt(
        call_id=call.call_id,
        idempotency_key=str(session.means.ids.new()),
        status=status,
        arguments_hash=call.arguments_hash,
        error=why,
    )
    await session.report(Owed(receipt=receipt))
