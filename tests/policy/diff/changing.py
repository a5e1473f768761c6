"""A contract that uses every kind of rule, and documents that differ from it in a few places."""

import copy
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from placet.policy.model import Contract
from placet.policy.text.parse import read_contract

Document: TypeAlias = dict[str, Any]

BASE: Final[Document] = {
    "schema_version": "1",
    "agent": "desk",
    "session": {
        "phases": [
            {"name": "open", "initial": True},
            {"name": "known"},
            {"name": "end", "terminal": True},
        ],
        "transitions": {"open": ["known"], "known": ["end", "open"]},
        "limits": {
            "max_steps": 5,
            "max_tool_calls": 6,
            "max_cost_micros": 50,
            "max_calls_per_tool": {"pay": 3},
            "max_seconds": 100,
            "loop": {"window": 3, "threshold": 3},
            "circuit_breaker": {"consecutive_blocks": 3, "consecutive_errors": 2},
        },
        "risk_defaults": {"read": "allow", "write": "allow", "financial": "allow"},
        "unmatched_tools": "deny",
        "gate": "reject_all",
        "principals": [
            {"effect": "allow", "tools": ["*"], "where": {"team": "a"}},
            {"effect": "deny", "tools": ["pay"], "where": {"new": True}},
        ],
        "bindings": [{"slot": "most", "write": "once"}],
        "aggregates": [
            {"name": "paid", "tool": "pay", "op": "sum", "path": "$.n", "lte": 12},
            {
                "name": "least",
                "tool": "note",
                "op": "min",
                "path": "$.n",
                "window_seconds": 20,
                "gte": 1,
            },
        ],
        "envelopes": [{"name": "step", "tool": "pay", "path": "$.n", "within_ratio_of_first": 2}],
        "labels": [{"when": {"mark": "x"}, "deny": ["pay"]}],
    },
    "tools": [
        {
            "tool": "find",
            "side_effect": "read",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
            "phases": {"valid_in": ["open", "known"], "advances_to": "known"},
            "binds": [{"slot": "most", "from": "output", "path": "$.n"}],
        },
        {
            "tool": "note",
            "side_effect": "write",
            "evidence_class": "ack_only",
            "commit_requirement": "none",
            "input_schema": {
                "type": "object",
                "required": ["n"],
                "properties": {
                    "n": {"type": "integer", "minimum": 0, "maximum": 9},
                    "t": {"anyOf": [{"type": "string", "maxLength": 2}, {"type": "null"}]},
                    "s": {"enum": ["a", "b"]},
                    "l": {"type": "array", "items": {"$ref": "#/$defs/one"}, "maxItems": 2},
                },
                "additionalProperties": False,
                "$defs": {"one": {"type": "string", "minLength": 1}},
            },
        },
        {
            "tool": "pay",
            "side_effect": "financial",
            "evidence_class": "local_transaction",
            "commit_requirement": "acknowledged",
            "phases": {"valid_in": ["known"]},
            "requires": [
                {
                    "tool": "find",
                    "output": [{"path": "$.n", "gte": 2}],
                    "same": [{"ours": "$.id", "theirs": "$.id"}],
                    "within_seconds": 30,
                }
            ],
            "forbidden_after": ["note"],
            "arguments": [
                {"path": "$.n", "gte": 1, "lte": 8, "type": "integer"},
                {"path": "$.n", "lte_ref": "most"},
                {"path": "$.s", "one_of": ["a", "b"], "not_equals": "c"},
                {"path": "$.l[*]", "length_lte": 2, "none_of": ["xx"]},
            ],
            "effect_key": ["$.id"],
            "volatile": ["$.t"],
        },
        {
            "tool": "ask",
            "side_effect": "write",
            "evidence_class": "unverifiable",
            "commit_requirement": "acknowledged",
            "checkpoint": {"all_of": [{"role": "boss", "count": 2}], "expires_seconds": 60},
        },
    ],
}

VALUES: Final[dict[str, list[Any]]] = {
    "op": ["sum", "max", "min", "distinct", "count"],
    "scope": ["session", "principal", "agent", "tenant"],
    "effect": ["allow", "deny"],
    "write": ["once", "last"],
    "from": ["output", "arguments"],
    "gate": ["reject_all", "strip_partial", "strip_blocked"],
    "side_effect": ["read", "write", "financial", "admin"],
    "evidence_class": ["local_transaction", "ack_only", "unverifiable"],
    "commit_requirement": ["acknowledged", "none"],
    "type": ["integer", "number", "string", "array"],
    "path": ["$.n", "$.s", "$.l", "$.l[*]", "$['n']", "$.id"],
    "team": ["a", "b", None],
}
ADDED: Final[dict[str, list[tuple[str, Any]]]] = {
    "rule": [
        *(("gt", n) for n in (0, 2)),
        *(("gte", n) for n in (0, 2)),
        *(("lt", n) for n in (4, "8.0")),
        ("lte", 8),
        ("equals", "a"),
        ("equals", 2),
        ("one_of", [2, 3]),
        ("none_of", [3]),
        ("not_equals", "b"),
        ("exists", True),
        ("exists", False),
        ("contains", "a"),
        ("matches", "^a"),
        ("length_gte", 1),
        ("type", "number"),
        ("gte_ref", "most"),
        ("lt_ref", "most"),
        ("equals_ref", "most"),
    ],
    "tool": [
        ("decision", "allow"),
        ("decision", "ask"),
        ("decision", "deny"),
        ("checkpoint", {}),
        ("forbidden_after", ["find"]),
        ("effect_key", ["$.id", "$.n"]),
        ("when", "phase == 'open'"),
        ("when", "has(slots.most)"),
        ("requires", [{"tool": "find"}]),
        ("requires", [{"tool": "find", "within_seconds": 40}, {"tool": "note"}]),
        ("arguments", [{"path": "$.n", "lte": 5}]),
        ("input_schema", {"properties": {"n": {"type": "number"}}}),
        ("binds", [{"slot": "most", "from": "arguments", "path": "$.n"}]),
        ("phases", {"valid_in": ["known"], "advances_to": "open"}),
        ("volatile", ["$.n"]),
    ],
    "same": [("theirs", "$.id")],
    "schema": [
        ("type", ["integer", "string"]),
        ("minimum", 2),
        ("exclusiveMaximum", 5),
        ("enum", [1, 2, "a"]),
        ("const", 2),
        ("maxLength", 1),
        ("pattern", "^a"),
        ("multipleOf", 2),
        ("anyOf", [{"type": "string"}, {"minimum": 3}]),
        ("oneOf", [{"type": "integer"}, {"type": "string"}]),
        ("allOf", [{"maximum": 4}]),
        ("not", {"const": 3}),
        ("required", ["n", "s"]),
        ("additionalProperties", {"type": "string"}),
        ("uniqueItems", True),
        ("items", {"maxLength": 1}),
        ("prefixItems", [{"const": "a"}]),
        ("minProperties", 2),
    ],
    "aggregate": [("window_seconds", 10), ("scope", "agent"), ("gte", 2), ("lt", 9)],
    "session": [("unmatched_tools", "allow"), ("unmatched_tools", "ask"), ("principals", [])],
    "principals": [
        ("", {"effect": "allow", "tools": ["pay", "find"]}),
        ("", {"effect": "deny", "tools": ["*"], "where": {"team": "b"}}),
    ],
    "labels": [("", {"when": {"mark": "x", "hold": "y"}, "deny": ["*"]})],
    "arguments": [("", {"path": "$.n", "gte": 2}), ("", {"path": "$.s", "exists": True})],
    "requires": [("", {"tool": "find", "output": [{"path": "$.n", "lte": 7}]})],
}
"""What can be put into a mapping (a key and its value) or into a list, by what it is."""


LISTED_MAX: Final = 40
"""More than there are ways to change one value."""


@st.composite
def documents(draw: st.DrawFn, least: int = 0, most: int = 2) -> Document:
    """Draw a contract that differs from `BASE` in a few places."""
    document = copy.deepcopy(BASE)
    for _ in range(draw(st.integers(least, most))):
        holder, key, kind = draw(st.sampled_from(_places(document, "contract")))
        while not _change(holder, key, kind, draw(st.integers(0, LISTED_MAX))):
            pass
    return document


def contract_of(document: Document) -> Contract | None:
    """Return the contract that a document says, or None where it says none."""
    found = read_contract(copy.deepcopy(document))
    return found if isinstance(found, Contract) else None


def _places(value: Any, kind: str) -> list[tuple[Any, Any, str]]:  # noqa: ANN401 -- any JSON
    """Return everything below a value: what holds it, under which key, and what it is."""
    found: list[tuple[Any, Any, str]] = []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(items):
        here = _kind(key, kind)
        found.append((value, key, here))
        if isinstance(inner, dict | list):
            found += _places(inner, here)
    return found


_KINDS: Final = {
    "tools": "tool",
    "arguments": "rule",
    "output": "rule",
    "input_schema": "schema",
    "aggregates": "aggregate",
    "same": "same",
}


def _kind(key: str | int, holder: str) -> str:
    if isinstance(key, int):
        return _KINDS.get(holder, holder)
    if holder == "schema" or key == "input_schema":
        return "schema"
    return key


def changes(document: Document) -> Iterator[Document]:
    """Yield the document with one thing changed, for each thing and each way."""
    for index, (_, _, kind) in enumerate(_places(document, "contract")):
        for action in range(LISTED_MAX):
            changed = copy.deepcopy(document)
            holder, key, _ = _places(changed, "contract")[index]
            if not _change(holder, key, kind, action):
                break
            yield changed


def _change(holder: Any, key: Any, kind: str, action: int) -> bool:  # noqa: ANN401 -- any JSON
    """Take one value out, put another in its place, or put something into it, if there is so much.

    The actions on a value are counted from 0.
    """
    inner = holder[key]
    others = _others(key, inner)
    added = ADDED.get(kind, []) if isinstance(inner, dict | list) else []
    if action == 0:
        del holder[key]
    elif action <= len(others):
        holder[key] = others[action - 1]
    elif action <= len(others) + len(added):
        name, value = copy.deepcopy(added[action - len(others) - 1])
        if isinstance(inner, list):
            inner.append({name: value} if name else value)
        else:
            inner[name or "path"] = value
    else:
        return False
    return True


def _others(key: Any, value: Any) -> list[Any]:  # noqa: ANN401 -- any JSON
    match value:
        case bool():
            return [not value]
        case int():
            return [max(0, value + step) for step in (1, -1, 2, -2)]
        case str() if key in VALUES:
            return VALUES[key]
        case str():
            return ["a", "b", "find", "pay", "note", "open", "known", "end", "allow"]
        case list() if value:
            return [value[1:], value[::-1], [*value, value[0]]]
    return []
