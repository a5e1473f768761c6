"""Closing a session."""

from typing import Final

from placet.events.model import new_event
from placet.kernel.ids import Ids
from placet.replay.calls.writes import Caller
from placet.replay.closings import store
from placet.replay.closings.model import CloseAnswer, CloseSession, SessionClosed
from placet.replay.sessions.codes import refusal
from placet.replay.sessions.model import SessionFinished, SessionStatus
from placet.storage.database import HotPool

NO_REASON: Final = "it was closed"


async def close_session(hot: HotPool, ids: Ids, caller: Caller, asked: CloseSession) -> CloseAnswer:
    """Close a session. Closing it twice is one close.

    Refuses `lease_lost` to an agent without the lease, and as what the session has ended.
    """
    reason = asked.reason or NO_REASON
    row = await store.close_session(
        hot,
        caller,
        reason,
        [
            new_event(ids, SessionClosed(reason=reason)),
            new_event(ids, SessionFinished(outcome=SessionStatus.COMPLETED.value)),
        ],
    )
    if row["code"] != "ok":
        raise refusal(row["code"], scope="runtime" if caller.holder else "operate")
    return CloseAnswer(
        session_id=caller.session_id,
        status=SessionStatus(row["status"]),
        cancelled=list(row["cancelled"]),
        unsettled=list(row["unsettled"]),
        state_version=row["state_version"],
        control_revision=row["control_revision"],
        replayed=row["replayed"],
    )
