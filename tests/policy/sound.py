"""Contracts without an error or a blocker, as Hypothesis draws them, put together from sound parts.

Tools of a drawn contract:
- `look`, a read that may be called from the beginning and binds every slot;
- `peek`, a read that others reconcile by;
- `step0`, `step1`, …, one for each transition, in a contract with phases;
- up to three of `pay`, `note` and `drop`, with any side effect;
- now and then `never`, which is denied.

All but the first two may carry any key of the language. Every tool has the same input schema, or
none, so that every path fits.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Final, TypeAlias, TypeVar

from hypothesis import strategies as st

Document: TypeAlias = dict[str, Any]
T = TypeVar("T")

GRAVE: Final = ("destructive", "admin", "financial")
EFFECTS: Final = ("read", "write", *GRAVE)
SCHEMA: Final[Document] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "maxLength": 100},
        "n": {"type": "integer"},
        "xs": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"q": {"type": "integer"}, "t": {"type": "string"}},
            },
        },
        "flag": {"type": "boolean"},
        "trace": {"type": "string"},
        "card": {"type": "string"},
    },
}
RULES: Final[dict[str, tuple[Document, ...]]] = {
    "$.n": (
        {"gte": 1, "lte": 100},
        {"gt": 0, "lt": "1000.5"},
        {"gte": 1},
        {"lte": 1000},
        {"one_of": [1, 2, 3]},
        {"none_of": [13, 14]},
        {"not_equals": 7},
        {"type": "integer"},
    ),
    "$.id": (
        {"matches": "^[a-z]"},
        {"length_gte": 1, "length_lte": 64},
        {"length_lte": 3},
        {"contains": "o"},
        {"one_of": ["x", "y", "one"]},
        {"none_of": ["z"]},
        {"equals": "x"},
        {"exists": True},
    ),
    "$.xs": ({"length_lte": 3}, {"length_gte": 1}, {"type": "array"}),
    "$.xs[*].q": ({"gte": 0, "lte": 50}, {"equals": 1}),
    "$.flag": ({"equals": True}, {"type": "boolean"}),
    "$.card": ({"exists": False},),
}
"""Rules by path; each alone can be met, one on each path together too."""

UPPER: Final[Document] = {"path": "$.n", "gte": 1, "lte": 100}
REFS: Final[tuple[Document, ...]] = (
    {"path": "$.n", "lte_ref": "total"},
    {"path": "$.n", "lt_ref": "total"},
    {"path": "$.n", "gte_ref": "floor"},
    {"path": "$.n", "gt_ref": "floor"},
    {"path": "$.id", "equals_ref": "owner"},
    {"path": "$.id", "not_equals_ref": "other"},
    {"path": "$.id", "one_of_ref": "ids"},
    {"path": "$.id", "none_of_ref": "banned"},
)
BINDS: Final[dict[str, Document]] = {
    "total": {"from": "output", "path": "$.total"},
    "floor": {"from": "output", "path": "$.floor"},
    "owner": {"from": "arguments", "path": "$.id"},
    "other": {"from": "output", "path": "$['other id']"},
    "ids": {"from": "output", "path": "$.ids"},
    "banned": {"from": "output", "path": "$.banned"},
}
OUTPUTS: Final[tuple[Document, ...]] = (
    {"path": "$.status", "equals": "delivered"},
    {"path": "$.total", "gte": 1},
    {"path": "$.rows[*].ok", "equals": True},
)
SAMES: Final[tuple[Document, ...]] = (
    {"ours": "$.id", "theirs": "$.id"},
    {"ours": "$.id", "theirs_output": "$.id"},
)
CONDITIONS: Final = (
    "args.n % 2 == 0 || principal.senior == true",
    'labels.risk != "high"',
    "args.n < 1000",
)
AGGREGATES: Final[tuple[Document, ...]] = (
    {"op": "sum", "path": "$.n", "lte": 500},
    {"op": "sum", "path": "$.n", "lt": "99.5", "window_seconds": 60},
    {"op": "max", "path": "$.n", "lte": 90},
    {"op": "min", "path": "$.n", "gte": 2},
    {"op": "distinct", "path": "$.id", "lte": 3, "window_seconds": 300},
    {"op": "count", "lte": 4},
    {"op": "count", "lt": 3, "scope": "principal", "window_seconds": 86400},
    {"op": "sum", "path": "$.n", "lte": 1000, "scope": "agent", "window_seconds": 86400},
    {"op": "max", "path": "$.n", "lt": 95, "scope": "tenant"},
)
PRINCIPALS: Final[tuple[Document, ...]] = (
    {"effect": "allow", "tools": ["look", "peek"], "where": {"guest": True}},
    {"effect": "deny", "tools": ["*"], "where": {"suspended": True}},
    {"effect": "deny", "tools": ["look"], "where": {"on_probation": "yes", "level": 1}},
)
LABELS: Final[tuple[Document, ...]] = (
    {"when": {"risk": "high"}, "deny": ["look"]},
    {"when": {"frozen": "true", "by": "desk"}, "deny": ["*"]},
)
EVERYBODY: Final[Document] = {
    "effect": "allow",
    "tools": ["*"],
    "where": {"department": "support"},
}
TOOL: Final[dict[str, tuple[Any, ...]]] = {
    "server": ("orders", "desk:1"),
    "input_schema": tuple(SCHEMA | {"required": it} for it in ([], ["id"], ["id", "n"])),
    "when": CONDITIONS,
    "effect_key": (["$.id"], ["$.id", "$.n"]),
    "timeouts": ({}, {"total_ms": 20_000}),
    "retries": ({}, {"max_attempts": 1, "retry_on": []}),
    "cancel": ("never", "safe"),
    "start": ("required", "optional"),
    "reconcile": (
        {
            "tool": "peek",
            "arguments": {"id": "$.id"},
            "succeeded_when": [{"path": "$.state", "equals": "done"}],
            "failed_when": [{"path": "$.state", "one_of": ["none", "failed"]}],
        },
    ),
    "redact": (["$.card"],),
    "volatile": (["$.trace"], ["$.trace", "$.xs[*].t"]),
}
CHECKPOINT: Final[dict[str, tuple[Any, ...]]] = {
    "all_of": (
        [{"role": "approver"}],
        [{"role": "approver", "count": 2}, {"role": "lead", "count": 1}],
    ),
    "expires_seconds": (1, 900),
    "reason_required": (True, False),
}
SESSION: Final[dict[str, tuple[Any, ...]]] = {
    "unmatched_tools": ("allow", "deny", "ask"),
    "gate": ("reject_all", "strip_partial", "strip_blocked"),
}
LIMITS: Final[dict[str, tuple[Any, ...]]] = {
    "max_steps": (2, 40),
    "max_tool_calls": (5, 60),
    "max_cost_micros": (1, 2_000_000),
    "max_unguarded_calls": (1, 3),
    "max_seconds": (600, 3600),
    "loop": ({"window": 8, "threshold": 3}, {"window": 2, "threshold": 2}),
    "circuit_breaker": (
        {"consecutive_blocks": 5, "consecutive_errors": 2},
        {"consecutive_errors": 3},
    ),
}


class Draw:
    """Draws by small whole numbers alone, which is quick and shrinks well."""

    def __init__(self, draw: st.DrawFn) -> None:
        """Keep what Hypothesis draws with."""
        self._draw = draw

    def below(self, end: int) -> int:
        """Draw a number from 0 to below `end`."""
        return self._draw(_below(end)) if end > 1 else 0

    def one(self, options: Sequence[T]) -> T:
        """Draw one of some options."""
        return options[self.below(len(options))]

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """Draw at most so many of some options, in their order."""
        bits = self.below(2 ** len(options))
        return [one for at, one in enumerate(options) if bits >> at & 1][:most]

    def mapping(self, options: Mapping[str, Sequence[Any]]) -> Document:
        """Draw some of the keys, each with one of its values."""
        return {key: self.one(options[key]) for key in self.some(list(options), len(options))}


@cache
def _below(end: int) -> st.SearchStrategy[int]:
    return st.integers(0, end - 1)


def _read(name: str, **more: Any) -> Document:  # noqa: ANN401 -- any keys of a tool
    return {
        "tool": name,
        "side_effect": "read",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "decision": "allow",
        "input_schema": SCHEMA | {"required": ["id"]},
    } | more


def _arguments(draw: Draw, slots: list[str], *, is_bounded: bool) -> list[Document]:
    chosen = draw.some(list(RULES), 3)
    rules = [{"path": path} | draw.one(RULES[path]) for path in chosen]
    if is_bounded:
        rules = [UPPER, *(rule for rule in rules if rule["path"] != "$.n")]
    usable = [rule for rule in REFS if list(rule.values())[1] in slots]
    return rules + draw.some(usable, 2)


def _requirement(draw: Draw, needed: str) -> Document:
    requirement: Document = {"tool": needed} | draw.mapping({"within_seconds": [1, 60, 600]})
    if output := draw.some(OUTPUTS, 2):
        requirement["output"] = output
    if same := draw.some(SAMES, 2):
        requirement["same"] = same
    return requirement


def _tool(draw: Draw, name: str, slots: list[str], earlier: list[str]) -> Document:
    """Draw a tool that may require those that can always have been called before."""
    effect = draw.one(EFFECTS)
    tool: Document = {
        "tool": name,
        "side_effect": effect,
        "evidence_class": "local_transaction" if effect in GRAVE else "ack_only",
        "commit_requirement": "acknowledged",
    } | draw.mapping(TOOL)
    if draw.below(3) == 0:
        tool["checkpoint"] = draw.mapping(CHECKPOINT)
    elif draw.below(2):
        tool["decision"] = draw.one(["ask", "allow"])
    if "effect_key" in tool and draw.below(2):
        tool["retries"] = {"max_attempts": 3, "retry_on": ["unavailable"]}
    is_bounded = effect in GRAVE and "checkpoint" not in tool
    tool["arguments"] = _arguments(draw, slots, is_bounded=is_bounded)
    if needed := draw.some(earlier, 2):
        tool["requires"] = [_requirement(draw, other) for other in needed]
    return tool


def _with_phases(tools: list[Document], count: int) -> Document:
    """Return the phases in a row; each `stepN` leads from one to the next."""
    names = [f"p{index}" for index in range(count)]
    for tool in tools:
        if tool["tool"].startswith("step"):
            at = int(tool["tool"][4:])
            tool["phases"] = {"valid_in": [names[at]], "advances_to": names[at + 1]}
    return {
        "phases": [{"name": names[0], "initial": True}]
        + [{"name": name} for name in names[1:-1]]
        + [{"name": names[-1], "terminal": True}],
        "transitions": {here: [there] for here, there in pairwise(names)},
    }


def _session(draw: Draw, names: list[str], slots: list[str]) -> Document:
    session = draw.mapping(SESSION)
    session["risk_defaults"] = {effect: draw.one(["allow", "ask"]) for effect in EFFECTS}
    if draw.below(2):
        counts = {name: draw.one([2, 4]) for name in draw.some(names, 2)}
        session["limits"] = draw.mapping(LIMITS) | {"max_calls_per_tool": counts}
    if draw.below(2):
        session["principals"] = [EVERYBODY, *draw.some(PRINCIPALS, 3)]
    session["labels"] = draw.some(LABELS, 2)
    session["bindings"] = [{"slot": slot, "write": draw.one(["once", "last"])} for slot in slots]
    chosen = draw.some(AGGREGATES, 2)
    session["aggregates"] = [
        {"name": f"aggregate{at}", "tool": draw.one(names)} | one for at, one in enumerate(chosen)
    ]
    if draw.below(2):
        envelope = {"name": "e", "tool": draw.one(names), "path": "$.n"}
        session["envelopes"] = [envelope | {"within_ratio_of_first": draw.one([2, "1.5"])}]
    return session


@st.composite
def sound_contracts(given: st.DrawFn) -> Document:
    """Draw a contract for which `check_contract` finds no error and no blocker."""
    draw = Draw(given)
    slots = draw.some(list(BINDS), 3)
    binds = [{"slot": slot} | BINDS[slot] for slot in slots]
    tools = [_read("look", binds=binds), _read("peek", commit_requirement="none")]
    phase_count = draw.one([0, 2, 3, 4])
    free = draw.some(["pay", "note", "drop"], 3)
    names = [f"step{index}" for index in range(phase_count - 1)] + free
    for index, name in enumerate(names):
        earlier = ["look", *(other for other in names[:index] if other in free)]
        tools.append(_tool(draw, name, slots, earlier))
    known = [tool["tool"] for tool in tools]
    for index, tool in enumerate(tools[2:], 3):
        if later := draw.some(known[index:], 2):
            tool["forbidden_after"] = later
    session = _session(draw, known, slots)
    if phase_count:
        session |= _with_phases(tools, phase_count)
        for tool in tools:
            if tool["tool"] in free and draw.below(2):
                tool["phases"] = {"valid_in": [f"p{index}" for index in range(phase_count - 1)]}
    if draw.below(2):
        tools.append(_read("never", decision="deny"))
    return {"schema_version": "1", "agent": "desk", "session": session, "tools": tools}
