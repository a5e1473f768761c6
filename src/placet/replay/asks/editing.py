"""What somebody puts in the place of a call that waits: pure functions."""

from collections.abc import Sequence
from typing import Final

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.policy import layers
from placet.policy.evaluate import read_calls
from placet.policy.facts import Call
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.paths import MISSING, Absent, Every, Part, Path, Selected
from placet.replay.asks.model import EditedCall
from placet.replay.asks.rules import REDACTED, redact
from placet.replay.calls.model import ReplayPendingCall

EDITED_FROM: Final = 1_000
"""The ordinal of the first call of a step that came by an edit; a response has fewer calls."""

EDITS_MAX: Final = 64
"""Edits of the calls of one step."""


_MOVED: Final = (
    f"`{REDACTED}` stands in a list that has more or fewer elements than before, or in an element"
    " that shows something else: nobody can tell whose value it would keep; leave that list as it"
    " is shown, or write the hidden values out"
)


def is_edited(call: ReplayPendingCall) -> bool:
    """Tell whether a call came by an edit."""
    return call.ordinal >= EDITED_FROM


def next_ordinal(step: Sequence[ReplayPendingCall]) -> int | None:
    """Return the ordinal of the next edit in a step, or None where there were enough."""
    edits = sum(is_edited(each) for each in step)
    return None if edits >= EDITS_MAX else EDITED_FROM + edits


def read_edit(policy: Policy, call: ReplayPendingCall, text: str) -> EditedCall | list[str]:
    """Return what the arguments `text` make of a call, or everything that stands against them.

    `"[redacted]"` at a place that the contract hides stands for the value that is there now; within
    a list only where the list is as long as it was and its element shows what it showed. What no
    facts could let pass is refused at once: no JSON object, what breaks the tool's schema or its
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
    except _MovedError:
        return [_MOVED]
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


class _MovedError(Exception):
    """A value is to be kept in an element of a list that may be another one than before."""


def _restored(tool: LoadedTool | None, given: Json, was: Json) -> Json:
    """Return new arguments with the hidden values that are to stay as they are."""
    paths = sorted(() if tool is None else tool.redacted, key=lambda path: -len(path.parts))
    shown, before = _shown(paths, given), _shown(paths, was)
    if any(_is_moved(path.parts, given, shown, before) for path in paths):
        raise _MovedError
    for path in paths:
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
            return {**here, part: _restore(rest, here[part], _in(was, part))}
        case int(), list() if part < len(here):
            return [*here[:part], _restore(rest, here[part], _at(was, part)), *here[part + 1 :]]
        case Every(), list():
            return [_restore(rest, each, _at(was, n)) for n, each in enumerate(here)]
    return here


def _at(was: Selected, place: int) -> Selected:
    return was[place] if isinstance(was, list) and place < len(was) else MISSING


def _in(was: Selected, key: str) -> Selected:
    return was.get(key, MISSING) if isinstance(was, dict) else MISSING


def _shown(paths: Sequence[Path], document: Json) -> Json:
    """Return what people see of a document. A place that is not there stays away."""
    return redact(paths, document, b"")[0]


def _is_moved(parts: tuple[Part, ...], here: Json, shown: Selected, before: Selected) -> bool:
    """Tell whether a value is to be kept in a list that lost its order, as far as people see.

    `shown` and `before` are what is seen here now and what was seen. An element that shows the same
    as before holds in every list below it what it held.
    """
    if not parts:
        return False
    part, rest = parts[0], parts[1:]
    match part, here:
        case str(), dict() if part in here:
            return _is_moved(rest, here[part], _in(shown, part), _in(before, part))
        case ((int() | Every()), list()):
            kept = [
                n
                for n, one in enumerate(here)
                if (isinstance(part, Every) or part == n) and _is_kept(rest, one)
            ]
            same = isinstance(before, list) and len(before) == len(here)
            return bool(kept) and not (
                same and all(_is_alike(_at(shown, n), _at(before, n)) for n in kept)
            )
    return False


def _is_kept(parts: tuple[Part, ...], here: Json) -> bool:
    """Tell whether a value at `parts` is to stay as it is."""
    if not parts:
        return here == REDACTED
    part, rest = parts[0], parts[1:]
    match part, here:
        case str(), dict():
            return part in here and _is_kept(rest, here[part])
        case int(), list():
            return part < len(here) and _is_kept(rest, here[part])
        case Every(), list():
            return any(_is_kept(rest, one) for one in here)
    return False


def _is_alike(shown: Selected, before: Selected) -> bool:
    """Tell whether two elements show the same, to the type of every value."""
    if isinstance(shown, Absent) or isinstance(before, Absent):
        return False
    return foreign.encode(shown) == foreign.encode(before)
