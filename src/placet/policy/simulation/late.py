"""Results that a recording tells after the line of their call.

A denial is judged once more as though an earlier call had happened, with the result that the
recording has for it, wherever it stands. So these results are gathered before the first step: of
each output only what a commit would leave, which is what the policy's rules name.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError, Json
from placet.kernel.value import Value
from placet.policy.holding import bound
from placet.policy.loaded import LoadedTool, Policy
from placet.policy.remember import output_kept
from placet.policy.simulation.lines import Line


@dataclasses.dataclass(frozen=True, slots=True)
class Output:
    """What a commit with an output leaves: `kept` for rules that require it, and the `slots`."""

    kept: dict[str, object]
    slots: dict[int, Json]


@dataclasses.dataclass(frozen=True, slots=True)
class Late:
    """By the calls' ids: the outputs, and the calls that failed, of lines after their own.

    There is an output only of tools that `leaves_any`; of several for one call, it is the first.
    """

    outputs: Mapping[str, Output] = dataclasses.field(default_factory=dict)
    failed: frozenset[str] = frozenset()


def leaves_any(tool: LoadedTool) -> bool:
    """Say whether it makes a difference what a call of this tool gave."""
    return tool.is_required or any(bind.is_output for bind in tool.binds)


def output_of(tool: LoadedTool, output: Json) -> Output:
    """Return what an output leaves."""
    kept = output_kept(tool, output) if tool.is_required else {}
    return Output(kept, bound(tool, output, is_output=True))


class _Function(Value, frozen=True):
    name: str = ""


class _Call(Value, frozen=True):
    id: str
    function: _Function = _Function()


class _Results(Value, frozen=True):
    """What of a line is about results; the rest is not even read."""

    tool_calls: tuple[_Call, ...] = ()
    outputs: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    failed: tuple[str, ...] = ()


_decode: Final = msgspec.json.Decoder(_Results).decode


def late_results(policy: Policy, lines: Iterable[Line]) -> Late:
    """Return the late results of steps."""
    gathering = _Gathering(policy)
    for line in lines:
        own = {call.id: call.function.name for call in line.tool_calls}
        gathering.failed.update(one for one in line.failed if one not in own)
        for one, output in line.outputs.items():
            if one not in own and (tool := gathering.awaited(one)) is not None:
                gathering.outputs[one] = output_of(tool, output)  # type: ignore[arg-type]  # -- outputs are JSON
        gathering.proposed(own)
    return gathering.late()


def late_results_in(policy: Policy, raw: Iterable[bytes]) -> Late:
    """Return the late results of lines of bytes. Lines that are no steps have none."""
    gathering = _Gathering(policy)
    for text in raw:
        try:
            line = _decode(text)
            own = {call.id: call.function.name for call in line.tool_calls}
            gathering.failed.update(one for one in line.failed if one not in own)
            for one, output in line.outputs.items():
                if one not in own and (tool := gathering.awaited(one)) is not None:
                    gathering.outputs[one] = output_of(tool, foreign.parse(bytes(output)))
            gathering.proposed(own)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ForeignJsonError):
            continue
    return gathering.late()


class _Gathering:
    """What was found so far, and the tools of calls whose outputs would be of use."""

    def __init__(self, policy: Policy) -> None:
        self.outputs: dict[str, Output] = {}
        self.failed: set[str] = set()
        self._of_use = {tool.name: tool for tool in policy.tools.values() if leaves_any(tool)}
        self._tools: dict[str, LoadedTool] = {}

    def proposed(self, calls: Mapping[str, str]) -> None:
        """Note the tools of a line's calls."""
        for call_id, name in calls.items():
            if name in self._of_use:
                self._tools[call_id] = self._of_use[name]

    def awaited(self, call_id: str) -> LoadedTool | None:
        """Return the tool of an earlier call whose output is of use and was not told yet."""
        return None if call_id in self.outputs else self._tools.get(call_id)

    def late(self) -> Late:
        """Return all of it."""
        return Late(self.outputs, frozenset(self.failed))
