"""Contracts of every rule kind over a handful of tools and values, so that bounds are hit.

Each contract uses some of the features only, or else nearly every call would be denied early.
"""

from collections.abc import Sequence
from typing import Any

from tests.policy.reference.operators import Doc
from tests.policy.reference.picking import Picker

TOOLS = ("look", "note", "pay", "move", "wipe")
SECONDS = (10, 30, 60, 20)
FEATURES = (
    "phases",
    "principals",
    "labels",
    "requires",
    "after",
    "schema",
    "arguments",
    "when",
    "slots",
    "effect_key",
    "aggregates",
    "envelopes",
    "steps",
    "total",
    "per_tool",
    "cost",
    "seconds",
    "loop",
    "breaker",
    "asks",
)
PERCENT = (12, 5, 18, 24)
OFTEN = ("asks", "phases", "slots", "requires")
OFTEN_PERCENT = 15
FOCUS_PERCENT = 50
BOUNDS = (2, 3, 4, "2.5", 1, 6)
WIDE_BOUNDS = (6, 4, 8, "5.5", 10)
"""For what several values come to."""

TEXTS = ("x", "y", "ord_1")
RULES: tuple[Doc, ...] = (
    {"path": "$.a", "lte": 4},
    {"path": "$.a", "lt": "2.5"},
    {"path": "$.a", "gte": 1, "lte": 3},
    {"path": "$.a", "gt": "0.5"},
    {"path": "$.a", "type": "integer"},
    {"path": "$.a", "type": "number"},
    {"path": "$.a", "not_equals": 3},
    {"path": "$.a", "none_of": [2, "x"]},
    {"path": "$.a", "one_of": [1, 2, 3]},
    {"path": "$.a", "equals": 1000000000000000000000},
    {"path": "$.b", "equals": "x"},
    {"path": "$.b", "one_of": ["x", "y"]},
    {"path": "$.b", "none_of": ["y"]},
    {"path": "$.b", "not_equals": "y"},
    {"path": "$.b", "contains": "x"},
    {"path": "$.b", "contains": "r", "length_gte": 2},
    {"path": "$.b", "matches": "^[xy]$"},
    {"path": "$.b", "matches": "rd_"},
    {"path": "$.b", "length_lte": 1},
    {"path": "$.b", "exists": True},
    {"path": "$.b", "exists": False},
    {"path": "$.b", "type": "string"},
    {"path": "$.l", "contains": {"n": 1}},
    {"path": "$.l", "contains": 2},
    {"path": "$.l", "length_gte": 1},
    {"path": "$.l", "length_gte": 2, "length_lte": 2},
    {"path": "$.l", "equals": [{"n": 1}]},
    {"path": "$.l[*].n", "lte": 2},
    {"path": "$.l[*].n", "exists": True},
    {"path": "$.l[*].n", "exists": False},
    {"path": "$.l[0]['n']", "gte": 1},
    {"path": "$.l[1]", "exists": False},
    {"path": "$['b']", "type": "string"},
    {"path": "$.o.n", "not_equals": None},
    {"path": "$.o", "not_equals": {"n": 1, "m": 2}},
    {"path": "$", "type": "object"},
)
OUTPUT_RULES: tuple[Doc, ...] = (
    {"path": "$.s", "equals": "ok"},
    {"path": "$.v", "gte": 2},
    {"path": "$.v", "lte": 3},
    {"path": "$.e[*]", "type": "string"},
    {"path": "$.s", "exists": True},
    {"path": "$", "type": "object"},
    {"path": "$.none", "exists": False},
)
SCHEMAS: tuple[Any, ...] = (
    {"type": "object"},
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "number", "maximum": 4}}},
    {"type": "object", "properties": {"b": {"enum": ["x", "y", "ord_1"]}}},
    {"type": "object", "properties": {"b": {"type": "string", "format": "date"}}},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True},
    {
        "type": "object",
        "properties": {"l": {"type": "array", "items": {"$ref": "#/$defs/n"}}},
        "$defs": {"n": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    },
    {"type": "object", "additionalProperties": False, "properties": {"a": {}, "b": {}, "l": {}}},
    True,
)
CONDITIONS = (
    "args.a <= 3",
    "args.a < 2.5 || principal.level == 1",
    "principal.team == 'x'",
    "labels.mood == 'calm' || args.b == 'x'",
    "phase != 'two'",
    "has(args.b) && args.b != 'y'",
    "phase == 'two' || args.a == 2",
    "slots.first >= 1",
    "has(slots.first) || args.a == 1",
    "args.l.size() < 2",
)
WHO: tuple[Doc, ...] = (
    {},
    {"team": "x"},
    {"team": "x", "level": 1},
    {"level": 1},
    {"id": "u1"},
    {"id": None},
    {"level": 1, "id": "u2"},
)
REFS: tuple[tuple[str, str], ...] = (
    ("$.a", "lte_ref"),
    ("$.a", "gte_ref"),
    ("$.a", "lt_ref"),
    ("$.a", "gt_ref"),
    ("$.a", "equals_ref"),
    ("$.b", "equals_ref"),
    ("$.b", "not_equals_ref"),
    ("$.a", "one_of_ref"),
    ("$.a", "none_of_ref"),
    ("$.l[*].n", "lte_ref"),
)
SLOTS = ("first", "latest")
SOURCES = (
    ("arguments", "$.a"),
    ("output", "$.v"),
    ("arguments", "$.b"),
    ("output", "$.e"),
    ("arguments", "$.l"),
    ("output", "$"),
)


def a_contract(pick: Picker, focus: Sequence[str] = ()) -> Doc:
    """Return a contract as JSON would hold it, half of the time with what is in focus."""
    use = set(pick.some(FEATURES, pick.of(PERCENT)))
    use |= set(pick.some(OFTEN, OFTEN_PERCENT)) | set(pick.some(focus, FOCUS_PERCENT))
    names = list(TOOLS[: pick.of([2, 3, 2, 4, 5])])
    session: Doc = {}
    if "phases" in use:
        session |= _phases(pick)
    phases = [one["name"] for one in session.get("phases", []) if not one.get("terminal")]
    session["risk_defaults"] = _risks(pick)
    _gates(pick, session)
    limits = _limits(pick, use, names)
    if limits:
        session["limits"] = limits
    if "principals" in use:
        session["principals"] = _principals(pick, names)
    if "slots" in use:
        session["bindings"] = [
            {"slot": "first", "write": "once"},
            {"slot": "latest", "write": "last"},
        ]
    if "labels" in use:
        session["labels"] = [
            {"when": dict(pick.at_least_one([("mood", "bad"), ("flag", "up")], 40)),
             "deny": pick.of([["*"], *([name] for name in names)])}
            for _ in range(1 + pick.below(2))
        ]  # fmt: skip
    if "aggregates" in use:
        session["aggregates"] = [
            _aggregate(pick, names, number) for number in range(1 + pick.below(2))
        ]
    if "envelopes" in use:
        session["envelopes"] = [
            {"name": "e0", "tool": pick.of([names[0], *names]), "path": "$.a",
             "within_ratio_of_first": pick.of(["1.5", 1, 2, "0.5"])}
        ]  # fmt: skip
    tools = [_tool(pick, use, name, names, session, phases) for name in names]
    return {"schema_version": "1", "agent": "agent", "session": session, "tools": tools}


def _phases(pick: Picker) -> Doc:
    phases = [{"name": "one", "initial": True}, {"name": "two"}, {"name": "end", "terminal": True}]
    transitions = {"one": ["two", "end"], "two": ["end"]}
    if pick.chance(65):
        phases.insert(2, {"name": "three"})
        transitions = {"one": ["two", "three"], "two": ["three", "end"], "three": ["end", "one"]}
    return {"phases": phases, "transitions": transitions}


def _risks(pick: Picker) -> Doc:
    risks = {
        "read": "allow",
        "write": "allow",
        "financial": pick.of(["allow", "allow", "allow", "ask"]),
    }
    return (
        risks
        if pick.chance(15)
        else risks | {"destructive": pick.of(["allow", "allow", "ask", "deny"])}
    )


def _gates(pick: Picker, session: Doc) -> None:
    gate = pick.of([None, "strip_partial", "strip_blocked", "reject_all", "strip_blocked"])
    if gate is not None:
        session["gate"] = gate
    unmatched = pick.of([None, "deny", "ask", "allow"])
    if unmatched is not None:
        session["unmatched_tools"] = unmatched


def _limits(pick: Picker, use: set[str], names: list[str]) -> Doc:
    limits: Doc = {}
    if "steps" in use:
        limits["max_steps"] = pick.of([3, 2, 1, 5])
    if "total" in use:
        limits["max_tool_calls"] = pick.of([3, 4, 2, 6, 1])
    if "per_tool" in use:
        some = pick.at_least_one(names, 40)
        limits["max_calls_per_tool"] = {name: pick.of([2, 1, 3, 0]) for name in some}
    if "cost" in use:
        limits["max_cost_micros"] = pick.of([3, 5, 8, 1, 0])
    if "seconds" in use:
        limits["max_seconds"] = pick.of([100, 60, 900, 130, 300])
    if "loop" in use:
        limits["loop"] = {"window": 1 + pick.below(5), "threshold": pick.of([2, 3, 1])}
    if "breaker" in use:
        blocks, errors = (
            {"consecutive_blocks": pick.of([4, 2, 5])},
            {"consecutive_errors": pick.of([2, 1])},
        )
        limits["circuit_breaker"] = pick.of([errors, blocks, blocks | errors])
    return limits


def _principals(pick: Picker, names: list[str]) -> list[Doc]:
    rules: list[Doc] = [{"effect": "allow", "tools": ["*"], "where": pick.of([{}, {}, *WHO[1:3]])}]
    for _ in range(pick.below(3)):
        effect = pick.of(["allow", "deny", "allow"])
        tools = pick.of([[name] for name in names] + [["*"]])
        rules.append({"effect": effect, "tools": tools, "where": pick.of(WHO[1:])})
    return rules if pick.chance(80) else rules[1:]


def _aggregate(pick: Picker, names: list[str], number: int) -> Doc:
    op = pick.of(["sum", "count", "max", "min", "distinct"])
    rule: Doc = {"name": f"g{number}", "tool": pick.of([names[0], *names]), "op": op}
    if op != "count":
        rule["path"] = pick.of(["$.a", "$.a", "$.b"]) if op == "distinct" else "$.a"
    scope = pick.of([None, "principal", "agent", "tenant", "session"])
    if scope is not None:
        rule["scope"] = scope
    if pick.chance(50):
        rule["window_seconds"] = pick.of(SECONDS)
    uppers = {"sum": WIDE_BOUNDS, "count": (2, 3, 1), "distinct": (1, 2)}.get(op, BOUNDS)
    bounds: Doc = {pick.of(["lte", "lt"]): pick.of(uppers)}
    if pick.chance(40):
        lower: Doc = {pick.of(["gte", "gt"]): pick.of([1, 2, "1.5", 0])}
        bounds = lower if pick.chance(60) else bounds | lower
    return rule | bounds


def _tool(  # noqa: PLR0913, PLR0917 -- what a tool's rules may name
    pick: Picker,
    use: set[str],
    name: str,
    names: list[str],
    session: Doc,
    phases: list[str],
) -> Doc:
    risk = pick.of(["read", "write", "read", "financial", "destructive"])
    tool: Doc = {
        "tool": name,
        "side_effect": risk,
        "evidence_class": "ack_only" if risk in {"read", "write"} else "local_transaction",
        "commit_requirement": "none" if risk == "read" and pick.chance(45) else "acknowledged",
    }
    _ruling(pick, use, tool)
    if phases and pick.chance(80):
        tool["phases"] = _valid_in(pick, session, phases)
    if "schema" in use and pick.chance(60):
        tool["input_schema"] = pick.of(SCHEMAS)
    _history_rules(pick, use, tool, names)
    rules = [dict(pick.of(RULES)) for _ in range(1 + pick.below(2))] if "arguments" in use else []
    if "slots" in use:
        if pick.chance(30):
            path, operator = pick.of(REFS)
            rules.append({"path": path, operator: pick.of(SLOTS)})
        if pick.chance(75):
            tool["binds"] = [_bind(pick, tool, slot) for slot in pick.at_least_one(SLOTS, 50)]
    if rules:
        tool["arguments"] = rules
    if pick.chance(50 if "when" in use else 20 if "slots" in use else 0):
        tool["when"] = pick.of(CONDITIONS[-4:-1] if "slots" in use else CONDITIONS)
    if "effect_key" in use and pick.chance(60):
        tool["effect_key"] = pick.of(
            [["$.a"], ["$.a"], ["$.a"], ["$.a", "$.b"], ["$.l[*].n"], ["$.o"]]
        )
    if "loop" in use and pick.chance(40):
        tool["volatile"] = pick.of([["$.b"], ["$.l"], ["$.o.n"], ["$.l[*].n", "$.a"]])
    return tool


def _ruling(pick: Picker, use: set[str], tool: Doc) -> None:
    often = "asks" in use
    if pick.chance(45 if often else 8):
        tool["decision"] = "ask"
    elif pick.chance(3):
        tool["decision"] = "deny"
    elif pick.chance(40):
        tool["decision"] = "allow"
        return
    if often and pick.chance(50):
        tool["checkpoint"] = {"all_of": [{"role": "boss"}], "expires_seconds": pick.of(SECONDS)}


def _valid_in(pick: Picker, session: Doc, phases: list[str]) -> Doc:
    valid = pick.of([["one"], pick.at_least_one(phases, 60)])
    found: Doc = {"valid_in": valid}
    ways = [set(session["transitions"].get(phase, [])) | {phase} for phase in valid]
    targets = sorted(set.intersection(*ways) - {valid[0]}) or ["end"]
    if pick.chance(75):
        found["advances_to"] = pick.of(targets)
    return found


def _history_rules(pick: Picker, use: set[str], tool: Doc, names: list[str]) -> None:
    if "requires" in use and pick.chance(60):
        tool["requires"] = [_requirement(pick, names) for _ in range(pick.of([1, 1, 2]))]
    if "after" in use and pick.chance(60):
        tool["forbidden_after"] = pick.at_least_one([*names, "ghost"], 25)


def _requirement(pick: Picker, names: list[str]) -> Doc:
    wanted: Doc = {"tool": pick.of([names[0], *names])}
    if pick.chance(50):
        wanted["output"] = pick.at_least_one(OUTPUT_RULES, 12)
    if pick.chance(45):
        wanted["same"] = [
            pick.of(
                [
                    {"theirs": "$.a", "ours": "$.a"},
                    {"theirs": "$.b", "ours": "$.b"},
                    {"theirs_output": "$.v", "ours": "$.a"},
                ]
            )
        ]
    if pick.chance(50):
        wanted["within_seconds"] = pick.of(SECONDS)
    return wanted


def _bind(pick: Picker, tool: Doc, slot: str) -> Doc:
    is_blind = tool["commit_requirement"] == "none"
    source, path = pick.of([one for one in SOURCES if not is_blind or one[0] == "arguments"])
    return {"slot": slot, "from": source, "path": path}
