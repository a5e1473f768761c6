"""What somebody puts in the place of a call that waits: pure functions."""

from collections.abc import Sequence
from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.policy import layers
from placet.policy.evaluate import read_calls
from placet.policy.facts import Call
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.paths import MISSING, Every, Part, Selected
from placet.replay.asks.model import EditedCall
from placet.replay.asks.rules import REDACTED
from placet.replay.calls.model import ReplayPendingCall

EDITED_FROM: Final = 1_000
"""The ordinal of the first call of a step that came by an edit; a response has fewer calls."""

EDITS_MAX: Final = 64
"""Edits of the calls of one step."""


def is_edited(call: ReplayPendingCall) -> bool:
    """Tell whether a call came by an edit."""
    return call.ordinal >= EDITED_FROM


def next_ordinal(step: Sequence[ReplayPendingCall]) -> int | None:
    """Return the ordinal of the next edit in a step, or None where there were enough."""
    edits = sum(is_edited(each) for each in step)
    return None if edits >= EDITS_MAX else EDITED_FROM + edits


def read_edit(policy: Policy, call: ReplayPendingCall, text: str) -> EditedCall | list[str]:
    """Return what the arguments `text` make of a call, or everything that stands against them.

    `"[redacted]"` at a place that the contract hides stands for the value that is there now. What
    no facts could let pass is refused at once: no JSON object, what breaks the tool's schema or its
    rules on arguments, or a value of its effect key that is missing.
    """
    try:
        given = foreign.parse(text.encode())
    except (ForeignJsonError, UnicodeEncodeError) as fault:
        return [f"the arguments are no JSON that can be taken: {fault}"]
    if not isinstance(given, dict):
        return ["the arguments are no JSON object"]
    tool = policy.tools.get(call.tool_name)
    try:
        whole = _restored(tool, given, foreign.parse(call.arguments))
    except _NothingKeptError:
        return [f"`{REDACTED}` stands where there was no value to keep"]
    made = foreign.encode(whole)
    (judged,) = read_calls(policy, [Call(tool=call.tool_name, arguments=made)])
    if judged.arguments_hash is None:
        return ["the arguments cannot be read"]
    found = []
    if tool is not None:
        reasons = layers.arguments(tool, whole, made)
        found = [f"{one.detail}; {one.needs}" if one.needs else one.detail for one in reasons]
        if tool.effect_key and judged.effect_key is None:
            found.append("a value of the effect key is missing")
    if judged.arguments_hash == call.arguments_hash:
        found.append("these are the arguments that are asked about")
    return found or EditedCall(
        arguments=made, arguments_hash=judged.arguments_hash, effect_key=judged.effect_key
    )


class _NothingKeptError(Exception):
    """A value is to be kept that was never there."""


def _restored(tool: LoadedTool | None, given: Json, was: Json) -> Json:
    """Return new arguments with the hidden values that are to stay as they are."""
    for path in sorted(() if tool is None else tool.redacted, key=lambda path: -len(path.parts)):
        given = _restore(path.parts, given, was)
    return given


def _restore(parts: tuple[Part, ...], here: Json, was: Selected) -> Json:
    if not parts:
        if here != REDACTED:
            return here
        if was is MISSING:
            raise _NothingKeptError
        return was
    part, rest = parts[0], parts[1:]
    match part, here:
        case str(), dict() if part in here:
            inner = was.get(part, MISSING) if isinstance(was, dict) else MISSING
            return {**here, part: _restore(rest, here[part], inner)}
        case int(), list() if part < len(here):
            return [*here[:part], _restore(rest, here[part], _at(was, part)), *here[part + 1 :]]
        case Every(), list():
            return [_restore(rest, each, _at(was, n)) for n, each in enumerate(here)]
    return here


def _at(was: Selected, place: int) -> Selected:
    return was[place] if isinstance(was, list) and place < len(was) else MISSING
