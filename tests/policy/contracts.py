"""Contracts as Hypothesis draws them: plain documents, ready for `read_contract`.

`contracts()` are well-formed and use every key; what they say need make no sense. Names come from
small pools, so that references often hit. `sound_contracts()`, of which all parts fit, stand in
`sound.py`.
"""

from typing import Any, Final, TypeAlias

from hypothesis import strategies as st
from tests.policy.sound import sound_contracts

__all__ = ["contracts", "sound_contracts"]

Document: TypeAlias = dict[str, Any]
Strategies: TypeAlias = dict[str, st.SearchStrategy[Any]]

TOOLS: Final = ("a", "b", "c", "orders.pay", "d-1")
PHASES: Final = ("one", "two", "three", "end")
SLOTS: Final = ("total", "owner", "2nd")
PATHS: Final = ("$", "$.v", "$.w", "$.items[*].n", "$.items[0]", "$['odd key']", "$['it\\'s'].v")
ODD_TEXTS: Final = (
    "",
    " ",
    "yes",
    "No",
    "null",
    "~",
    "true",
    "1",
    "0.5",
    "1e3",
    "0x1F",
    "0777",
    "12:30:45",
    "2026-11-20",
    ".inf",
    "<<",
    "- a",
    "-",
    "a: b",
    "a #b",
    "#c",
    "[x]",
    "{x}",
    "*a",
    "&a",
    "!t",
    "|",
    ">",
    "%",
    "@",
    "`",
    "?",
    "? a",
    ":",
    ",",
    "a,b",
    "it's",
    '"',
    "\\",
    " lead",
    "trail ",
    "\ttab",
    "line\nline",
    "line\n",
    "\n",
    "\n\n a\n  b\n",
    "a\r\nb",
    "\x85",
    "\u2028",
    "\ufeff",
    "\x07",
    "ä",
    "😀",
    "---",
    "...",
    "--- a",
    "=",
    "word " * 40,
)

texts: st.SearchStrategy[str] = st.sampled_from(ODD_TEXTS) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6
)
numbers: st.SearchStrategy[int | float] = st.one_of(
    st.integers(-3, 20),
    st.sampled_from([2**53, 2**63, -(10**30), 0.5, 1.0, -1.5, 1e21, 1e-7, 1.7976931348623157e308]),
    st.floats(allow_nan=False, allow_infinity=False),
)
scalars: st.SearchStrategy[Any] = st.none() | st.booleans() | numbers | texts
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
bounds: st.SearchStrategy[int | str] = st.integers(-5, 10**20) | st.sampled_from(["0.5", "-10.25"])
counts: st.SearchStrategy[int] = st.integers(1, 12)
tools: st.SearchStrategy[str] = st.sampled_from(TOOLS)
phases: st.SearchStrategy[str] = st.sampled_from(PHASES)
slots: st.SearchStrategy[str] = st.sampled_from(SLOTS)
paths: st.SearchStrategy[str] = st.sampled_from(PATHS)
names: st.SearchStrategy[str] = st.sampled_from(["n", "m", "refunded_today", "x:y", "9"])
attributes: st.SearchStrategy[str] = texts.filter(lambda text: 0 < len(text) <= 128)


@st.composite
def mappings(
    draw: st.DrawFn, needed: Strategies, optional: Strategies, keys_max: int = 3
) -> Document:
    """Draw a mapping with every needed key and at most `keys_max` of the optional ones."""
    keys = draw(st.lists(st.sampled_from(list(optional)), max_size=keys_max, unique=True))
    drawn = {key: draw(strategy) for key, strategy in needed.items()}
    return drawn | {key: draw(optional[key]) for key in keys}


def few(
    inner: st.SearchStrategy[Any], least: int = 0, most: int = 2
) -> st.SearchStrategy[list[Any]]:
    """Draw a short list."""
    return st.lists(inner, min_size=least, max_size=most)


OPERATORS: Final[Strategies] = {
    "equals": values,
    "not_equals": values,
    "one_of": few(values),
    "none_of": few(values),
    "type": st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"]),
    "contains": values,
    "matches": texts | st.sampled_from(["^ord_[a-z0-9]{8}$", r"\d+"]),
    "gt": bounds,
    "gte": bounds,
    "lt": bounds,
    "lte": bounds,
    "length_gte": st.integers(0, 5),
    "length_lte": st.integers(0, 5),
    "exists": st.booleans(),
} | {
    f"{name}_ref": slots
    for name in ["equals", "not_equals", "one_of", "none_of", "gt", "gte", "lt", "lte"]
}
rules: st.SearchStrategy[Document] = mappings({"path": paths}, OPERATORS)

SCHEMAS: Final[tuple[Document | bool, ...]] = (
    True,
    {},
    {"type": "object", "additionalProperties": False, "properties": {"v": {"type": "string"}}},
    {
        "type": "object",
        "required": ["v"],
        "properties": {
            "v": {"type": "number", "multipleOf": 0.5},
            "items": {"type": "array", "items": {"properties": {"n": {"type": "integer"}}}},
            "odd key": {"oneOf": [{"type": "null"}, {"enum": ["yes", 1, None, 2.5]}]},
        },
    },
)

REQUIREMENT: Final[Strategies] = {
    "output": few(rules),
    "same": few(mappings({"ours": paths}, {"theirs": paths, "theirs_output": paths}, 2)),
    "within_seconds": counts,
}
CHECKPOINT: Final[Strategies] = {
    "all_of": few(mappings({"role": names}, {"count": counts}), 1),
    "expires_seconds": counts,
    "reason_required": st.booleans(),
}
RECONCILE: Final[Strategies] = {
    "arguments": st.dictionaries(attributes, paths, max_size=2),
    "succeeded_when": few(rules),
    "failed_when": few(rules),
}
TOOL: Final[Strategies] = {
    "server": names,
    "decision": st.sampled_from(["allow", "deny", "ask"]),
    "phases": mappings({"valid_in": few(phases, 1)}, {"advances_to": phases}),
    "requires": few(mappings({"tool": tools}, REQUIREMENT)),
    "forbidden_after": few(tools),
    "input_schema": st.sampled_from(SCHEMAS) | st.dictionaries(texts, values, max_size=2),
    "arguments": few(rules),
    "when": st.sampled_from(["args.v > 1", 'phase == "one"\n  || true # why']) | attributes,
    "checkpoint": mappings({}, CHECKPOINT),
    "binds": few(
        st.fixed_dictionaries(
            {"slot": slots, "from": st.sampled_from(["arguments", "output"]), "path": paths}
        )
    ),
    "effect_key": few(paths),
    "timeouts": mappings({}, {"total_ms": counts}),
    "retries": mappings({}, {"max_attempts": counts, "retry_on": few(names)}),
    "cancel": st.sampled_from(["never", "safe"]),
    "start": st.sampled_from(["required", "optional"]),
    "reconcile": mappings({"tool": tools}, RECONCILE),
    "redact": few(paths),
    "volatile": few(paths),
}
TOOL_NEEDED: Final[Strategies] = {
    "tool": tools,
    "side_effect": st.sampled_from(["read", "write", "destructive", "admin", "financial"]),
    "evidence_class": st.sampled_from(["local_transaction", "ack_only", "unverifiable"]),
    "commit_requirement": st.sampled_from(["acknowledged", "none"]),
}
LIMITS: Final[Strategies] = {
    "max_steps": counts,
    "max_tool_calls": counts,
    "max_cost_micros": st.integers(0, 10**15),
    "max_calls_per_tool": st.dictionaries(tools, st.integers(0, 5), max_size=2),
    "max_unguarded_calls": counts,
    "max_seconds": counts,
    "loop": st.fixed_dictionaries({"window": counts, "threshold": counts}),
    "circuit_breaker": mappings({}, {"consecutive_blocks": counts, "consecutive_errors": counts}),
}
AGGREGATE: Final[Strategies] = {
    "path": paths,
    "scope": st.sampled_from(["session", "principal", "agent", "tenant"]),
    "window_seconds": counts,
    "gt": bounds,
    "gte": bounds,
    "lt": bounds,
    "lte": bounds,
}
SESSION: Final[Strategies] = {
    "phases": few(
        mappings({"name": phases}, {"initial": st.booleans(), "terminal": st.booleans()}), 0, 3
    ),
    "transitions": st.dictionaries(phases, few(phases), max_size=2),
    "limits": mappings({}, LIMITS, 4),
    "risk_defaults": st.dictionaries(
        TOOL_NEEDED["side_effect"], st.sampled_from(["allow", "deny", "ask"]), max_size=5
    ),
    "unmatched_tools": st.sampled_from(["allow", "deny", "ask"]),
    "gate": st.sampled_from(["reject_all", "strip_partial", "strip_blocked"]),
    "principals": few(
        mappings(
            {"effect": st.sampled_from(["allow", "deny"]), "tools": few(tools | st.just("*"), 1)},
            {"where": st.dictionaries(attributes, values, max_size=2)},
        )
    ),
    "bindings": few(
        st.fixed_dictionaries({"slot": slots, "write": st.sampled_from(["once", "last"])})
    ),
    "aggregates": few(
        mappings(
            {
                "name": names,
                "tool": tools,
                "op": st.sampled_from(["sum", "max", "min", "distinct", "count"]),
            },
            AGGREGATE,
        )
    ),
    "envelopes": few(
        st.fixed_dictionaries(
            {"name": names, "tool": tools, "path": paths, "within_ratio_of_first": bounds}
        )
    ),
    "labels": few(
        st.fixed_dictionaries(
            {
                "when": st.dictionaries(attributes, texts, min_size=1, max_size=2),
                "deny": few(tools | st.just("*"), 1),
            }
        )
    ),
}


def contracts() -> st.SearchStrategy[Document]:
    """Draw a well-formed contract of one to three tools, with any of the language's keys."""
    return st.fixed_dictionaries(
        {
            "schema_version": st.just("1"),
            "agent": st.sampled_from(["desk", "refund-desk", "1"]),
            "tools": few(mappings(TOOL_NEEDED, TOOL, 5), 1, 3),
            "session": mappings({}, SESSION, 5),
        }
    )
