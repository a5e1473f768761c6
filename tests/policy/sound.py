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

from itertools import pairwise
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

Document: TypeAlias = dict[str, Any]

GRAVE: Final = ("destructive", "admin", "financial")
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
NEEDS: Final[tuple[list[str], ...]] = ([], ["id"], ["id", "n"])

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


def _some(inner: tuple[Any, ...] | list[Any], most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(inner), max_size=most, unique_by=id)


def _maybe(draw: st.DrawFn, document: Document, key: str, strategy: st.SearchStrategy[Any]) -> None:
    """Draw a key of a document, or leave it out."""
    if draw(st.booleans()):
        document[key] = draw(strategy)


def _read(name: str, **more: Any) -> Document:  # noqa: ANN401 -- any keys of a tool
    return {
        "tool": name,
        "side_effect": "read",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "decision": "allow",
        "input_schema": SCHEMA | {"required": ["id"]},
    } | more


@st.composite
def _arguments(draw: st.DrawFn, slots: list[str], *, is_bounded: bool) -> list[Document]:
    chosen = draw(_some(list(RULES), 3))
    rules = [{"path": path} | draw(st.sampled_from(RULES[path])) for path in chosen]
    if is_bounded:
        rules = [UPPER, *(rule for rule in rules if rule["path"] != "$.n")]
    usable = [rule for rule in REFS if list(rule.values())[1] in slots]
    return rules + (draw(_some(usable, 2)) if usable else [])


@st.composite
def _requirement(draw: st.DrawFn, needed: str) -> Document:
    requirement: Document = {"tool": needed}
    _maybe(draw, requirement, "output", _some(OUTPUTS, 2))
    _maybe(draw, requirement, "same", _some(SAMES, 2))
    _maybe(draw, requirement, "within_seconds", st.integers(1, 600))
    return requirement


@st.composite
def _checkpoint(draw: st.DrawFn) -> Document:
    checkpoint: Document = {}
    roles = st.sampled_from(
        [[{"role": "approver"}], [{"role": "approver", "count": 2}, {"role": "lead", "count": 1}]]
    )
    _maybe(draw, checkpoint, "all_of", roles)
    _maybe(draw, checkpoint, "expires_seconds", st.integers(1, 900))
    _maybe(draw, checkpoint, "reason_required", st.booleans())
    return checkpoint


@st.composite
def _afterwards(draw: st.DrawFn) -> Document:
    """Draw the keys of a tool that say what surrounds a call."""
    tool: Document = {}
    _maybe(draw, tool, "effect_key", st.sampled_from([["$.id"], ["$.id", "$.n"]]))
    _maybe(draw, tool, "timeouts", st.sampled_from([{}, {"total_ms": 20_000}]))
    retries = [{}, {"max_attempts": 1, "retry_on": []}]
    if "effect_key" in tool:
        retries.append({"max_attempts": 3, "retry_on": ["unavailable"]})
    _maybe(draw, tool, "retries", st.sampled_from(retries))
    _maybe(draw, tool, "cancel", st.sampled_from(["never", "safe"]))
    _maybe(draw, tool, "start", st.sampled_from(["required", "optional"]))
    if draw(st.booleans()):
        tool["reconcile"] = {
            "tool": "peek",
            "arguments": {"id": "$.id"},
            "succeeded_when": [{"path": "$.state", "equals": "done"}],
            "failed_when": [{"path": "$.state", "one_of": ["none", "failed"]}],
        }
    _maybe(draw, tool, "redact", st.just(["$.card"]))
    _maybe(draw, tool, "volatile", st.just(["$.trace"]))
    return tool


@st.composite
def _tool(draw: st.DrawFn, name: str, slots: list[str], earlier: list[str]) -> Document:
    """Draw a tool that may require those that can always have been called before."""
    effect = draw(st.sampled_from(["read", "write", *GRAVE]))
    tool: Document = {
        "tool": name,
        "side_effect": effect,
        "evidence_class": "local_transaction" if effect in GRAVE else "ack_only",
        "commit_requirement": "acknowledged",
    }
    _maybe(draw, tool, "server", st.sampled_from(["orders", "desk:1"]))
    _maybe(draw, tool, "input_schema", st.sampled_from([SCHEMA | {"required": it} for it in NEEDS]))
    _maybe(draw, tool, "checkpoint", _checkpoint())
    rulings = ["ask"] if "checkpoint" in tool else ["ask", "allow"]
    _maybe(draw, tool, "decision", st.sampled_from(rulings))
    is_bounded = effect in GRAVE and "checkpoint" not in tool
    tool["arguments"] = draw(_arguments(slots, is_bounded=is_bounded))
    needed = draw(_some(earlier, 2))
    if needed:
        tool["requires"] = [draw(_requirement(other)) for other in needed]
    _maybe(draw, tool, "when", st.sampled_from(CONDITIONS))
    return tool | draw(_afterwards())


@st.composite
def _limits(draw: st.DrawFn, names: list[str]) -> Document:
    limits: Document = {}
    _maybe(draw, limits, "max_steps", st.integers(2, 40))
    _maybe(draw, limits, "max_tool_calls", st.integers(5, 60))
    _maybe(draw, limits, "max_cost_micros", st.sampled_from([1, 2_000_000]))
    counts = st.dictionaries(st.sampled_from(names), st.integers(2, 4), max_size=2)
    _maybe(draw, limits, "max_calls_per_tool", counts)
    _maybe(draw, limits, "max_unguarded_calls", st.integers(1, 3))
    _maybe(draw, limits, "max_seconds", st.integers(600, 3600))
    loops = st.sampled_from([{"window": 8, "threshold": 3}, {"window": 2, "threshold": 2}])
    _maybe(draw, limits, "loop", loops)
    breakers = st.sampled_from(
        [{"consecutive_blocks": 5, "consecutive_errors": 2}, {"consecutive_errors": 3}]
    )
    _maybe(draw, limits, "circuit_breaker", breakers)
    return limits


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


@st.composite
def _session(draw: st.DrawFn, names: list[str], slots: list[str]) -> Document:
    effects = ["read", "write", *GRAVE]
    session: Document = {
        "risk_defaults": {effect: draw(st.sampled_from(["allow", "ask"])) for effect in effects}
    }
    _maybe(draw, session, "limits", _limits(names))
    _maybe(draw, session, "unmatched_tools", st.sampled_from(["allow", "deny", "ask"]))
    gates = st.sampled_from(["reject_all", "strip_partial", "strip_blocked"])
    _maybe(draw, session, "gate", gates)
    everybody = {"effect": "allow", "tools": ["*"], "where": {"department": "support"}}
    _maybe(draw, session, "principals", _some(PRINCIPALS, 3).map(lambda more: [everybody, *more]))
    _maybe(draw, session, "labels", _some(LABELS, 2))
    if slots:
        writes = st.sampled_from(["once", "last"])
        session["bindings"] = [{"slot": slot, "write": draw(writes)} for slot in slots]
    chosen = draw(_some(AGGREGATES, 2))
    tools = st.sampled_from(names)
    session["aggregates"] = [
        {"name": f"aggregate{at}", "tool": draw(tools)} | one for at, one in enumerate(chosen)
    ]
    if draw(st.booleans()):
        ratio = draw(st.sampled_from([2, "1.5"]))
        envelope = {"name": "e", "tool": draw(tools), "path": "$.n", "within_ratio_of_first": ratio}
        session["envelopes"] = [envelope]
    return session


@st.composite
def sound_contracts(draw: st.DrawFn) -> Document:
    """Draw a contract for which `check_contract` finds no error and no blocker."""
    slots = draw(_some(list(BINDS), 3))
    binds = [{"slot": slot} | BINDS[slot] for slot in slots]
    tools = [_read("look", binds=binds), _read("peek", commit_requirement="none")]
    phase_count = draw(st.sampled_from([0, 2, 3, 4]))
    names = [f"step{index}" for index in range(phase_count - 1)]
    names += draw(_some(["pay", "note", "drop"], 3))
    free = [name for name in names if not name.startswith("step")]
    for index, name in enumerate(names):
        earlier = ["look", *(other for other in names[:index] if other in free)]
        tools.append(draw(_tool(name, slots, earlier)))
    known = [tool["tool"] for tool in tools]
    for index, tool in enumerate(tools[2:], 3):
        if index < len(known):
            _maybe(draw, tool, "forbidden_after", _some(known[index:], 2))
    session = draw(_session(known, slots))
    if phase_count:
        session |= _with_phases(tools, phase_count)
        for tool in tools:
            if tool["tool"] in free and "requires" not in tool:
                valid = [f"p{index}" for index in range(phase_count - 1)]
                _maybe(draw, tool, "phases", st.just({"valid_in": valid}))
    if draw(st.booleans()):
        tools.append(_read("never", decision="deny"))
    return {"schema_version": "1", "agent": "desk", "session": session, "tools": tools}
