"""The state of a session as a fold of its events."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from placet.kernel.value import Value
from placet.policy.facts import COST_MICROS_MAX
from placet.replay.calls.events import (
    CallAbandoned,
    CallBecameUnknown,
    CallClaimed,
    CallCosted,
    CallProposed,
    CallsClaimed,
    CallSettled,
    FailureReported,
    Leaves,
    LimitReached,
    ProposalDecided,
    UnguardedReported,
)
from placet.replay.calls.model import ReceiptStatus
from placet.replay.sessions.model import SessionOpened
from placet.replay.sessions.rules import opening_state
from placet.replay.sessions.state import ERRED_MAX, SessionState

_READ: Final = {
    kind.__name__: msgspec.json.Decoder(kind)
    for kind in (
        SessionOpened,
        ProposalDecided,
        CallProposed,
        CallsClaimed,
        CallClaimed,
        CallSettled,
        CallAbandoned,
        CallBecameUnknown,
        FailureReported,
        CallCosted,
        LimitReached,
        UnguardedReported,
    )
}
_changed: Final = msgspec.structs.replace


def evolve(state: SessionState, said: Value) -> SessionState:  # noqa: C901, PLR0911, PLR0912 -- one line an event
    """Return the state after an event. Events that change no fact leave it as it is."""
    match said:
        case SessionOpened():
            return opening_state(said.phase)
        case ProposalDecided() if said.counting:
            return _changed(state, steps=state.steps + 1, blocks=0)
        case ProposalDecided() if said.denied:
            return _changed(state, blocks=state.blocks + 1)
        case CallsClaimed() if said.counting:
            return _changed(state, steps=state.steps + int(said.begins_step), blocks=0)
        case CallProposed() if said.counts:
            return _granted(state, said)
        case CallAbandoned():
            after = _released(state, said.tool, step_ends=said.step_ends)
            return _known(after, said.call_id)
        case CallSettled() if said.outcome is ReceiptStatus.FAILED:
            after = _released(state, said.tool, step_ends=said.step_ends)
            return _known(_erred(after, said.call_id), said.call_id)
        case CallSettled():
            return _known(_left(_changed(state, errors=0), said), said.call_id)
        case FailureReported():
            return _erred(state, said.call_id)
        case CallBecameUnknown() if said.is_error:
            return _erred(state, said.call_id)
        case CallCosted():
            return _costed(state, said)
        case LimitReached():
            return _changed(state, stopped=said.limit)
        case UnguardedReported():
            return _changed(state, unguarded=state.unguarded + said.calls)
        case _:
            return state


def is_read(kind: str) -> bool:
    """Tell whether the fold reads events of this type; it passes over all others."""
    return kind in _READ


def fold(events: Iterable[tuple[str, bytes]], since: SessionState | None = None) -> SessionState:
    """Return the state that events lead to, of a session from its opening or `since` a state.

    Each is its type and its body's bytes.
    """
    state = opening_state(None) if since is None else since
    for kind, body in events:
        if decoder := _READ.get(kind):
            state = evolve(state, decoder.decode(body))
    return state


def _granted(state: SessionState, said: CallProposed) -> SessionState:
    repeats = state.repeats
    if said.repeat is not None and said.repeats_max:
        repeats = [*repeats, said.repeat][-said.repeats_max :]
    after = _changed(state, counted=_count(state.counted, said.tool, 1), repeats=repeats)
    return _left(after, said)


def _left(state: SessionState, said: CallProposed | CallSettled) -> SessionState:
    """Return the state after a commit, or as it was where nothing committed."""
    left: Leaves | None = said.left
    if left is None:
        return state
    number = state.commits + 1
    remembered = {**state.remembered, said.tool: number} if left.is_remembered else state.remembered
    return _changed(
        state,
        phase=said.phase_after,
        commits=number,
        remembered=remembered,
        slots={**state.slots, **dict.fromkeys(left.slots, number)},
        firsts={**state.firsts, **dict.fromkeys(left.firsts, number)},
    )


def _erred(state: SessionState, call_id: UUID) -> SessionState:
    """Return the state after an error, which a call is once at most."""
    if str(call_id) in state.erred:
        return state
    erred = [*state.erred, str(call_id)][-ERRED_MAX:]
    return _changed(state, errors=state.errors + 1, erred=erred)


def _known(state: SessionState, call_id: UUID) -> SessionState:
    """Return the state once it is known what became of a call: no word of it counts any more."""
    if str(call_id) not in state.erred:
        return state
    return _changed(state, erred=[one for one in state.erred if one != str(call_id)])


def _costed(state: SessionState, said: CallCosted) -> SessionState:
    # What has reached the most is no sum any more, so that no correction can be taken from it.
    if state.cost_micros == COST_MICROS_MAX:
        return state
    cost = state.cost_micros + said.micros - (said.before or 0)
    return _changed(state, cost_micros=min(cost, COST_MICROS_MAX))


def _released(state: SessionState, tool: str, *, step_ends: bool) -> SessionState:
    return _changed(
        state, counted=_count(state.counted, tool, -1), steps=state.steps - int(step_ends)
    )


def _count(counted: dict[str, int], tool: str, by: int) -> dict[str, int]:
    number = counted.get(tool, 0) + by
    rest = {name: n for name, n in counted.items() if name != tool}
    return {**rest, tool: number} if number > 0 else rest
