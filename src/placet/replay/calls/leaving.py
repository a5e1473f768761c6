"""What grants and commits leave for the rules of later calls, and when a session has had enough."""

from uuid import UUID

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy.holding import Holding, bound
from placet.policy.ledger import CONSECUTIVE_BLOCKS, CONSECUTIVE_ERRORS, UNGUARDED
from placet.policy.loaded import LoadedTool, Policy
from placet.replay.calls.events import Leaves
from placet.replay.calls.model import KeptKind
from placet.replay.calls.next_call import KeptValue, Left, OpenedAmount
from placet.replay.sessions.state import CommittedMemory, SessionState


def advance(phase: str | None, holding: Holding) -> tuple[str | None, bool]:
    """Return the phase after a commit, and whether it found another than the grant was given in."""
    target = holding.advances_to
    if target is None or target == phase:
        return phase, False
    return (target, False) if phase == holding.phase else (phase, True)


def opens(call_id: UUID, holding: Holding) -> list[OpenedAmount]:
    """Return what a grant gives to aggregates, numbers as text and digests in hex."""
    return [
        OpenedAmount(
            call_id=call_id,
            name=name,
            value=one.hex() if isinstance(one, bytes) else str(one),
            is_committed=holding.is_committed,
        )
        for name, one in holding.amounts.items()
    ]


def leave(  # noqa: PLR0913 -- a call, what it held, and what came of it
    policy: Policy,
    state: SessionState,
    call_id: UUID,
    holding: Holding,
    *,
    output: bytes | None = None,
    memory: CommittedMemory | None = None,
) -> tuple[Leaves, Left]:
    """Return what a commit leaves for later rules: as it is said, and as it is kept.

    `memory` is what is kept of the call itself, where some rule requires it.
    """
    tool = policy.tools.get(holding.tool)
    slots: dict[str, Json] = {}
    if tool is not None and tool.binds:
        values = {**holding.slots, **_bound(tool, output)}
        for place, bind in enumerate(tool.binds):
            is_kept = bind.is_once and (bind.slot in state.slots or bind.slot in slots)
            if place in values and not is_kept:
                slots[bind.slot] = values[place]
    firsts = {name: one for name, one in holding.firsts.items() if name not in state.firsts}
    number = state.commits + 1
    rows = [
        *((KeptKind.SLOT, name, foreign.encode(value).decode()) for name, value in slots.items()),
        *((KeptKind.FIRST, name, f'"{one}"') for name, one in firsts.items()),
    ]
    if memory is not None:
        rows.append((KeptKind.MEMORY, holding.tool, msgspec.json.encode(memory).decode()))
    return (
        Leaves(is_remembered=memory is not None, slots=[*slots], firsts=[*firsts]),
        Left(
            kept=[
                KeptValue(kind=kind, name=name, number=number, call_id=call_id, value=text)
                for kind, name, text in rows
            ]
        ),
    )


def stop_of(policy: Policy, state: SessionState) -> str | None:
    """Return the limit that these facts have reached and that stops a session, if any has."""
    limits = policy.limits
    reached = (
        (CONSECUTIVE_BLOCKS, state.blocks, limits.blocks),
        (CONSECUTIVE_ERRORS, state.errors, limits.errors),
        (UNGUARDED, state.unguarded, limits.unguarded),
    )
    return next((name for name, n, most in reached if most is not None and n >= most), None)


def _bound(tool: LoadedTool, output: bytes | None) -> dict[int, Json]:
    """Return what an output leaves in slots; none, or one that is no JSON, leaves nothing."""
    try:
        return {} if output is None else bound(tool, foreign.parse(output), is_output=True)
    except foreign.ForeignJsonError:
        return {}
