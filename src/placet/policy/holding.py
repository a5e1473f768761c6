"""What a grant holds until its call is settled, and what the call's commit leaves."""

from collections.abc import Mapping
from typing import Final, cast

from placet.kernel.foreign import Json
from placet.kernel.value import Mutable
from placet.policy.amounts import Amount
from placet.policy.loaded import LoadedTool
from placet.policy.numbers import Number
from placet.policy.operators import SLOT_VALUES_MAX
from placet.policy.paths import MISSING, Selected, find

TEXT_OF_VALUES: Final = 64
"""Characters of text, for each value, that what is kept may have."""


class Holding(Mutable):
    """One grant. `phase` is the session's when it was given; a commit leads to `advances_to`.

    `amounts` and `firsts` are the call's values for aggregates and envelopes, `slots` what its
    arguments bind, `arguments` what of them some rule may ask for later. With `is_committed`, the
    call counts as committed from its grant on.
    """

    tool: str
    phase: str | None
    advances_to: str | None
    is_committed: bool
    effect_key: bytes | None
    repeat: bytes | None
    amounts: Mapping[str, Amount]
    firsts: Mapping[str, Number]
    arguments: dict[str, object]
    slots: dict[int, Json]


def bound(tool: LoadedTool, document: Json, *, is_output: bool) -> dict[int, Json]:
    """Return what the arguments or the output of a committed call leave, by the bind's position.

    A missing value binds nothing, and neither does one that is too large to be compared with.
    """
    values: dict[int, Json] = {}
    if not tool.binds:
        return values
    for position, bind in enumerate(tool.binds):
        if bind.is_output is is_output:
            value = find(bind.path, document)
            if value is not MISSING and is_small(value, SLOT_VALUES_MAX):
                values[position] = value
    return values


def fill(tool: LoadedTool, values: Mapping[int, Json], slots: dict[str, Json]) -> None:
    """Write what a commit left into slots, in the order of the contract."""
    for position, bind in enumerate(tool.binds):
        if position in values and not (bind.is_once and bind.slot in slots):
            slots[bind.slot] = values[position]


def is_small(value: Selected, values_max: int) -> bool:
    """Say whether a value has at most so many values, those inside it too, and no long texts."""
    if isinstance(value, str):
        return len(value) <= TEXT_OF_VALUES * values_max
    if not isinstance(value, dict | list):
        return True
    ahead, values, size = [cast("Json", value)], 0, 0
    while ahead:
        one = ahead.pop()
        values += 1
        match one:
            case str():
                size += len(one)
            case list():
                ahead += one
            case dict():
                size += sum(map(len, one))
                ahead += one.values()
        if values + len(ahead) > values_max or size > TEXT_OF_VALUES * values_max:
            return False
    return True
