"""Start: redeem a grant once, just before the tool runs."""

from uuid import UUID

from placet.replay.calls import store
from placet.replay.calls.answers import StartCall, Started
from placet.replay.calls.events import CallStarted
from placet.replay.calls.model import ExecutionState
from placet.replay.calls.runtime import Runtime
from placet.replay.calls.writes import Caller
from placet.replay.sessions.binding import encode_binding
from placet.replay.sessions.codes import refusal


async def start_call(runtime: Runtime, caller: Caller, call_id: UUID, asked: StartCall) -> Started:
    """Redeem a grant under the fence and the controls that it was given under."""
    event = runtime.event(CallStarted(call_id=call_id, start_id=asked.start_id))
    row = await store.start(runtime.db.hot, caller, call_id, asked.start_id, event)
    if row["code"] != "ok":
        raise refusal(row["code"])
    return Started(
        call_id=call_id,
        execution_state=ExecutionState(row["execution_state"]),
        started_at=row["started_at"],
        replayed=row["replayed"],
        binding=encode_binding(caller.holder, caller.fence.epoch, caller.fence.n),
    )
