"""Results that a recording tells after the line of their call.

A denial is judged once more as though an earlier call had happened, with the result that the
recording has for it, wherever it stands. So these results are gathered before the first step.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError
from placet.kernel.value import Value
from placet.policy.paths import Selected
from placet.policy.simulation.lines import Line


@dataclasses.dataclass(frozen=True, slots=True)
class Late:
    """By the calls' ids: the outputs, and the calls that failed, of lines after their own."""

    outputs: Mapping[str, Selected] = dataclasses.field(default_factory=dict)
    failed: frozenset[str] = frozenset()


class _Id(Value, frozen=True):
    id: str


class _Results(Value, frozen=True):
    """What of a line is about results; the rest is not even read."""

    tool_calls: tuple[_Id, ...] = ()
    outputs: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    failed: tuple[str, ...] = ()


_decode: Final = msgspec.json.Decoder(_Results).decode


def late_results(lines: Iterable[Line]) -> Late:
    """Return the late results of steps."""
    outputs: dict[str, Selected] = {}
    failed: set[str] = set()
    for line in lines:
        own = {call.id for call in line.tool_calls}
        outputs |= {one: found for one, found in line.outputs.items() if one not in own}  # type: ignore[misc]  # -- outputs are JSON
        failed |= set(line.failed) - own
    return Late(outputs, frozenset(failed))


def late_results_in(raw: Iterable[bytes]) -> Late:
    """Return the late results of lines of bytes. Lines that are no steps have none."""
    outputs: dict[str, Selected] = {}
    failed: set[str] = set()
    for text in raw:
        try:
            line = _decode(text)
            own = {call.id for call in line.tool_calls}
            outputs |= {
                one: foreign.parse(bytes(found))
                for one, found in line.outputs.items()
                if one not in own
            }
            failed |= set(line.failed) - own
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ForeignJsonError):
            continue
    return Late(outputs, frozenset(failed))
