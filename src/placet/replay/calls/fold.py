"""The state of a session as a fold of its events."""

from collections.abc import Iterable
from typing import Final

import msgspec

from placet.kernel.value import Value
from placet.replay.calls.events import CallAbandoned, CallProposed, CallSettled
from placet.replay.calls.model import CallStatus, ReceiptStatus
from placet.replay.sessions.model import CommittedMemory, SessionOpened, SessionState
from placet.replay.sessions.rules import opening_state

REMEMBERED_MAX: Final = 256
"""Committed calls of one tool that a state keeps, the latest."""

_READ: Final = {
    kind.__name__: msgspec.json.Decoder(kind)
    for kind in (SessionOpened, CallProposed, CallSettled, CallAbandoned)
}


def evolve(state: SessionState, said: Value) -> SessionState:
    """Return the state after an event. Events that change no fact leave it as it is."""
    match said:
        case SessionOpened():
            return opening_state(said.phase)
        case CallProposed() if said.status is CallStatus.GRANTED:
            return msgspec.structs.replace(
                state,
                phase=said.phase_after,
                counted=_count(state.counted, said.tool, 1),
            )
        case CallAbandoned():
            return msgspec.structs.replace(state, counted=_count(state.counted, said.tool, -1))
        case CallSettled() if said.outcome is ReceiptStatus.FAILED:
            return msgspec.structs.replace(state, counted=_count(state.counted, said.tool, -1))
        case CallSettled():
            return msgspec.structs.replace(
                state,
                phase=said.phase_after,
                committed=_remember(state.committed, said.tool, said.remembered),
            )
        case _:
            return state


def fold(events: Iterable[tuple[str, bytes]]) -> SessionState:
    """Return the state that a session's events lead to. Each is its type and its body's bytes."""
    state = opening_state(None)
    for kind, body in events:
        if decoder := _READ.get(kind):
            state = evolve(state, decoder.decode(body))
    return state


def _count(counted: dict[str, int], tool: str, by: int) -> dict[str, int]:
    number = counted.get(tool, 0) + by
    rest = {name: n for name, n in counted.items() if name != tool}
    return {**rest, tool: number} if number > 0 else rest


def _remember(
    committed: dict[str, list[CommittedMemory]], tool: str, memory: CommittedMemory | None
) -> dict[str, list[CommittedMemory]]:
    if memory is None:
        return committed
    kept = [*committed.get(tool, []), memory][-REMEMBERED_MAX:]
    return {**committed, tool: kept}
