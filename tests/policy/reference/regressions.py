"""Where two readings of the page once differed, each as small as it gets."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.policy.reference.operators import Doc

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class Regression:
    """A contract, a file, and what some columns of its first rows must be."""

    name: str
    contract: Doc
    lines: list[Doc]
    rows: list[Doc] = field(default_factory=list)


def contract(tools: dict[str, Doc], **session: object) -> Doc:
    """Return a contract of reads that are allowed, with more of each."""
    plain = {"side_effect": "read", "evidence_class": "ack_only"}
    plain |= {"commit_requirement": "acknowledged"}
    made = [{"tool": name} | plain | more for name, more in tools.items()]
    rules = {"risk_defaults": {"read": "allow"}} | session
    return {"schema_version": "1", "agent": "agent", "session": rules, "tools": made}


def line(second: int, calls: dict[str, tuple[str, Doc]], **more: object) -> Doc:
    """Return a line so many seconds after the start."""
    made = [
        {"id": key, "function": {"name": tool, "arguments": json.dumps(arguments)}}
        for key, (tool, arguments) in calls.items()
    ]
    return {"at": (START + timedelta(seconds=second)).isoformat(), "tool_calls": made} | more


def raw_line(second: int, tool: str, text: str) -> Doc:
    """Return a line with one call, whose arguments are this text."""
    made = line(second, {})
    made["tool_calls"] = [{"id": "raw", "function": {"name": tool, "arguments": text}}]
    return made


def breaker(**limits: int) -> Doc:
    """Return limits with a circuit breaker alone."""
    return {"circuit_breaker": limits}


ASK = {"decision": "ask"}
GRANTED = {"granted": True}
REFUSED = {"granted": False}
ALLOW = {"verdict": "allow"}

REGRESSIONS = [
    Regression(
        "a breaker is reached by the failure itself, whatever succeeds after it",
        contract({"a": {}}, limits=breaker(consecutive_errors=1)),
        [
            line(0, {"1": ("a", {}), "2": ("a", {})}),
            line(1, {"3": ("a", {})}, failed=["1"], outputs={"2": 1}),
        ],
        [GRANTED, GRANTED, {"verdict": "deny", "layer": 1}],
    ),
    Regression(
        "an approved ask falls with another of its response that ran out",
        contract({"a": ASK}),
        [
            line(0, {"1": ("a", {}), "2": ("a", {})}),
            line(1, {}, approved=["2"]),
            line(901, {"3": ("a", {})}),
        ],
        [REFUSED | {"reasons": []}, REFUSED | {"reasons": ["response_refused"]}],
    ),
    Regression(
        "an ask holds for exactly as long as it may",
        contract({"a": ASK, "b": {}}),
        [line(0, {"1": ("a", {}), "2": ("b", {})}), line(900, {}, approved=["1"])],
        [{"verdict": "ask"} | GRANTED, ALLOW | GRANTED],
    ),
    Regression(
        "the last granted calls are those before the response, its own come on top",
        contract({"a": {}, "b": {}, "c": {}}, limits={"loop": {"window": 2, "threshold": 2}}),
        [
            line(0, {"1": ("a", {})}),
            line(1, {"2": ("b", {})}),
            line(2, {"3": ("c", {}), "4": ("a", {})}),
        ],
        [ALLOW, ALLOW, ALLOW, {"verdict": "deny", "layer": 10, "reasons": ["loop_detected"]}],
    ),
    Regression(
        "a committed call may lift a condition over a slot",
        contract(
            {
                "a": ASK | {"binds": [{"slot": "s", "from": "output", "path": "$.v"}]},
                "b": {"when": "slots.s == 1"},
            },
            bindings=[{"slot": "s", "write": "last"}],
        ),
        [line(0, {"1": ("a", {})}), line(1, {"2": ("b", {})}, outputs={"1": {"v": 1}})],
        [{"verdict": "ask"}, {"verdict": "deny", "layer": 7, "unjudged": True}],
    ),
    Regression(
        "what would lift a denial is tried on the whole response",
        contract(
            {"a": {}},
            gate="strip_partial",
            aggregates=[{"name": "g", "tool": "a", "op": "sum", "path": "$.n", "lte": 4, "gt": 2}],
        ),
        [
            line(0, {"1": ("a", {"n": 2})}),
            line(1, {"2": ("a", {"n": 1}), "3": ("a", {"n": 2})}),
        ],
        [{"layer": 9}, {"layer": 9, "unjudged": True}, {"layer": 9, "unjudged": False}],
    ),
    Regression(
        "a response refused at a claim takes the open asks of it along",
        contract({"a": ASK, "b": ASK | {"forbidden_after": ["c"]}, "c": {}}),
        [
            line(0, {"1": ("a", {}), "2": ("b", {})}),
            line(1, {"3": ("c", {})}),
            line(2, {}, approved=["1"]),
            line(3, {}, approved=["2"]),
        ],
        [
            REFUSED | {"reasons": ["response_refused"]},
            REFUSED | {"reasons": ["forbidden_in_state"]},
        ],
    ),
    Regression(
        "arguments that are no object are malformed, before they are compared with earlier ones",
        contract(
            {"a": {}, "b": {"requires": [{"tool": "a", "same": [{"theirs": "$", "ours": "$"}]}]}}
        ),
        [
            line(0, {"1": ("a", {})}, outputs={"1": 1}),
            raw_line(1, "b", "[]"),
        ],
        [ALLOW, {"verdict": "deny", "layer": 6, "reasons": ["arguments_malformed"]}],
    ),
    Regression(
        "a tool without a contract still needs arguments that are an object",
        contract({"a": {}}, unmatched_tools="allow"),
        [raw_line(0, "z", "[]")],
        [{"verdict": "deny", "layer": 6, "reasons": ["arguments_malformed"]}],
    ),
]
