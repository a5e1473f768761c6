"""Captured calls of a source, judged by a contract without a session."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import msgspec
from msgspec.structs import replace

from placet.kernel import foreign
from placet.kernel.foreign import ForeignJsonError
from placet.policy.decision import Deny
from placet.policy.evaluate import evaluate
from placet.policy.facts import Call, Facts
from placet.policy.load import load_policy
from placet.policy.model import Limits
from placet.policy.projection import RuntimeProjection, RuntimeTool
from placet.studio.rule_evidence.model import CapturedCalls
from placet.studio.rule_evidence.rules import STATIC_LAYERS
from placet.studio.sources.json_pieces import name_of, read_json
from placet.studio.sources.model import PartKind, SourcePart
from placet.studio.sources.pieces import UnreadableError

CALLS_MAX: Final = 20_000
"""Captured calls of one source that are looked at, the first ones."""

_ARGUMENTS: Final = ("arguments", "args", "input", "parameters")


def judge_captures(calls: Iterable[Call], runtime: bytes, seen_at: datetime) -> list[CapturedCalls]:
    """Return how a contract judges captured calls by themselves. Takes its time: 50 us a call."""
    policy = load_policy(_static(runtime))
    facts = Facts(now=seen_at)
    counted: Counter[tuple[str, int | None, tuple[str, ...]]] = Counter()
    for call in calls:
        decision = evaluate(policy, facts, call)
        is_refused = isinstance(decision, Deny) and decision.layer in STATIC_LAYERS
        layer = decision.layer if is_refused else None
        rules = tuple(reason.rule for reason in decision.reasons) if is_refused else ()
        counted[call.tool, layer, rules] += 1
    return [
        CapturedCalls(tool=tool, layer=layer, rules=rules, times=times, last_at=seen_at)
        for (tool, layer, rules), times in counted.items()
    ]


def captured_calls(content: bytes, parts: Iterable[SourcePart]) -> Iterator[Call]:
    """Yield the calls among the parts of a source, at most `CALLS_MAX` of them."""
    spans = [part for part in parts if part.kind is PartKind.CALL]
    for part in spans[:CALLS_MAX]:
        call = _call(content[part.first_byte : part.end_byte])
        if call is not None:
            yield call


def _call(line: bytes) -> Call | None:
    try:
        value = read_json(line.decode())
        name = name_of(value)
        if name is None or not isinstance(value, dict):
            return None
        inner = value.get("function")
        place = inner if isinstance(inner, dict) else value
        given = next((place[key] for key in _ARGUMENTS if key in place), None)
        text = given.encode() if isinstance(given, str) else foreign.encode(given)
    except (UnreadableError, ForeignJsonError, ValueError):
        return None
    return Call(tool=name, arguments=text)


def _static(runtime: bytes) -> bytes:
    """Return the projection without every rule that asks something of a session."""
    projection = msgspec.convert(foreign.parse(runtime), RuntimeProjection)
    bare = replace(
        projection,
        phases=(),
        initial_phase=None,
        terminal_phases=(),
        transitions={},
        limits=Limits(),
        principals=(),
        aggregates=(),
        envelopes=(),
        labels=(),
        tools={name: _static_tool(tool) for name, tool in projection.tools.items()},
    )
    return foreign.encode(msgspec.to_builtins(bare))


def _static_tool(tool: RuntimeTool) -> RuntimeTool:
    return replace(tool, valid_in=None, advances_to=None, requires=(), forbidden_after=())
