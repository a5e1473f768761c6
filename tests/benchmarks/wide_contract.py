"""A contract with every rule kind, as wide as it is asked to be, and a session that has lived.

Rule kinds go round over the tools, two or three to each beside phases, schema and rules on
arguments, as in contracts that people write; one tool, `pay`, has all of them at once.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from placet.kernel.foreign import Json
from placet.policy.compile import compile_contract
from placet.policy.evaluate import evaluate_response
from placet.policy.facts import Call, Facts
from placet.policy.ledger import Ledger
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.text.parse import read_contract

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRINCIPAL: dict[str, Json] = {"id": "p-1", "department": "support", "senior": True}
OUTPUT: Json = {"status": "delivered", "total_cents": 10**9}
PAYMENTS = 300
MANY = 100_000_000
PAY = "pay"
LOOK_UP = "look_up"
Document = dict[str, Any]


def _order(number: int) -> str:
    return f"ord_{number:08d}"


def _schema(**more: Document) -> Document:
    order = {"type": "string", "pattern": "^ord_[a-z0-9]{8}$"}
    properties = {"order_id": order, **more}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _base(name: str) -> Document:
    amount = {"type": "integer", "minimum": 1}
    return {
        "tool": name,
        "side_effect": "write",
        "evidence_class": "ack_only",
        "commit_requirement": "acknowledged",
        "phases": {"valid_in": ["intake", "verified"]},
        "input_schema": _schema(amount_cents=amount, note={"type": "string", "maxLength": 200}),
        "arguments": [{"path": "$.amount_cents", "gte": 1, "lte": 50_000}],
    }


KINDS: tuple[Document, ...] = (
    {"requires": [{"tool": LOOK_UP, "output": [{"path": "$.status", "equals": "delivered"}]}]},
    {"when": "args.amount_cents % 100 == 0 || principal.senior == true"},
    {"effect_key": ["$.order_id"]},
    {"arguments": [{"path": "$.amount_cents", "lte_ref": "total"}]},
    {"forbidden_after": ["never"], "volatile": ["$.note"]},
    {"arguments": [{"path": "$.note", "matches": "^[a-z ]+$", "length_lte": 100}]},
)
_ALL_OF_THEM: Document = {
    "phases": {"valid_in": ["verified"]},
    "requires": [
        {
            "tool": LOOK_UP,
            "output": [{"path": "$.status", "equals": "delivered"}],
            "same": [{"theirs": "$.order_id", "ours": "$.order_id"}],
            "within_seconds": 900,
        }
    ],
    "forbidden_after": ["never"],
    "arguments": [
        {"path": "$.amount_cents", "gte": 1, "lte": 50_000},
        {"path": "$.amount_cents", "lte_ref": "total"},
        {"path": "$.note", "matches": "^[a-z ]+$", "length_lte": 100},
    ],
    "when": "args.amount_cents % 100 == 0 || principal.senior == true",
    "effect_key": ["$.order_id"],
    "volatile": ["$.note"],
}


def _tools(count: int) -> Iterator[Document]:
    yield _base(LOOK_UP) | {
        "phases": {"valid_in": ["intake", "verified"], "advances_to": "verified"},
        "input_schema": _schema(),
        "arguments": [],
        "binds": [{"slot": "total", "from": "output", "path": "$.total_cents"}],
    }
    yield _base(PAY) | _ALL_OF_THEM
    yield _base("never")
    for number in range(count - 3):
        tool = _base(f"tool_{number}")
        for kind in (KINDS[number % len(KINDS)], KINDS[(number + 1) % len(KINDS)]):
            rules = [*tool["arguments"], *kind.get("arguments", [])]
            tool |= kind | {"arguments": rules}
        yield tool


def contract(count: int) -> Contract:
    """Return a contract of so many tools."""
    tools = list(_tools(count))
    few = [PAY, *(f"tool_{number}" for number in range(0, min(count, 50) - 3, 2))]
    session = {
        "phases": [
            {"name": "intake", "initial": True},
            {"name": "verified"},
            {"name": "closed", "terminal": True},
        ],
        "transitions": {"intake": ["verified"]},
        "risk_defaults": {"write": "allow"},
        "limits": {
            "max_steps": MANY,
            "max_tool_calls": MANY,
            "max_cost_micros": MANY,
            "max_calls_per_tool": {tool["tool"]: MANY for tool in tools},
            "max_unguarded_calls": 3,
            "max_seconds": MANY,
            "loop": {"window": 8, "threshold": 3},
            "circuit_breaker": {"consecutive_blocks": 5, "consecutive_errors": 5},
        },
        "principals": [
            {"effect": "allow", "tools": ["*"], "where": {"department": "support"}},
            {"effect": "deny", "tools": few, "where": {"senior": False}},
        ],
        "bindings": [{"slot": "total", "write": "last"}],
        "aggregates": [_aggregate(name) for name in few],
        "envelopes": [_envelope(name) for name in few],
        "labels": [{"when": {"fraud_suspected": "true"}, "deny": few}],
    }
    document = {"schema_version": "1", "agent": "desk", "session": session, "tools": tools}
    found = read_contract(document)
    assert isinstance(found, Contract), found
    return found


def _aggregate(tool: str) -> Document:
    return {
        "name": f"{tool}_today",
        "tool": tool,
        "op": "sum",
        "path": "$.amount_cents",
        "scope": "principal",
        "window_seconds": 86_400,
        "lte": 10**12,
    }


def _envelope(tool: str) -> Document:
    path = "$.amount_cents"
    return {"name": f"{tool}_steady", "tool": tool, "path": path, "within_ratio_of_first": "100.5"}


def policy(count: int) -> Policy:
    """Return the loaded policy of such a contract."""
    return load_policy(compile_contract(contract(count)).runtime)


def lived(policy: Policy) -> Facts:
    """Return the facts of a session with many look-ups and payments behind it."""
    ledger = Ledger(policy, START)
    for number in range(PAYMENTS):
        _take(ledger, 2 * number, call(LOOK_UP, number))
        _take(ledger, 2 * number + 1, call(PAY, number))
    _take(ledger, 2 * PAYMENTS, call(LOOK_UP, PAYMENTS))
    return ledger.facts(START + timedelta(seconds=60), principal=PRINCIPAL, labels={})


def call(tool: str, number: int) -> Call:
    """Return a call that the contract allows, about the order of this number."""
    arguments: Document = {"order_id": _order(number)}
    if tool != LOOK_UP:
        arguments |= {"amount_cents": 1000 + number, "note": "late parcel"}
    return Call(tool=tool, arguments=json.dumps(arguments).encode())


def _take(ledger: Ledger, number: int, one: Call) -> None:
    at = START + timedelta(milliseconds=number)
    facts = ledger.facts(at, principal=PRINCIPAL, labels={})
    decided = evaluate_response(ledger.policy, facts, [one])
    assert decided.calls[0].granted, decided.calls[0].reasons
    ledger.decided(number, [UUID(int=number)], decided, at, principal=PRINCIPAL)
    ledger.succeeded(UUID(int=number), OUTPUT, at)
