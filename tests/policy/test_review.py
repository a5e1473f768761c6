"""What people sign: nothing in a contract can change without a change of the review's text."""

import copy
import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec
import pytest

from placet.kernel.value import Input
from placet.policy import model
from placet.policy.checks.check import check_contract
from placet.policy.compile import Compiled, compile_contract, contract_hash
from placet.policy.model import Contract
from placet.policy.paths import PathError
from placet.policy.projection import RuntimeProjection, RuntimeTool
from placet.policy.text.parse import read_contract

STRUCTS: list[type[msgspec.Struct]] = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and issubclass(kind, Input) and kind is not Input
]
WORDS: list[list[str]] = [
    list(kind)
    for kind in vars(model).values()
    if isinstance(kind, type) and issubclass(kind, StrEnum) and kind is not StrEnum
]
MEANINGLESS = {"bad_path", "bad_pattern", "bad_schema", "same_one_of"}
EVERYTHING: dict[str, Any] = {
    "schema_version": "1",
    "agent": "desk",
    "session": {
        "phases": [
            {"name": "one", "initial": True},
            {"name": "two"},
            {"name": "end", "terminal": True},
        ],
        "transitions": {"one": ["two", "end"], "two": ["end"]},
        "risk_defaults": {"read": "allow", "write": "ask"},
        "limits": {
            "max_steps": 40,
            "max_tool_calls": 60,
            "max_cost_micros": 2000,
            "max_calls_per_tool": {"pay": 3, "note": 5},
            "max_unguarded_calls": 4,
            "max_seconds": 3600,
            "loop": {"window": 8, "threshold": 3},
            "circuit_breaker": {"consecutive_blocks": 5, "consecutive_errors": 6},
        },
        "unmatched_tools": "ask",
        "gate": "strip_partial",
        "principals": [
            {"effect": "allow", "tools": ["*"], "where": {"team": "desk", "level": 2}},
            {"effect": "deny", "tools": ["pay", "note"], "where": {"on trial": True}},
            {"effect": "allow", "tools": ["find"]},
        ],
        "bindings": [{"slot": "total", "write": "once"}, {"slot": "last", "write": "last"}],
        "aggregates": [
            {
                "name": "paid",
                "tool": "pay",
                "op": "sum",
                "path": "$.n",
                "scope": "agent",
                "window_seconds": 900,
                "lte": 100,
                "gte": "1.5",
            },
            {"name": "few", "tool": "note", "op": "count", "lt": 9, "gt": 0},
        ],
        "envelopes": [
            {"name": "growth", "tool": "pay", "path": "$.n", "within_ratio_of_first": "1.5"}
        ],
        "labels": [{"when": {"fraud": "true", "hold": "1"}, "deny": ["pay", "note"]}],
    },
    "tools": [
        {
            "tool": "find",
            "side_effect": "read",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
            "binds": [
                {"slot": "total", "from": "output", "path": "$.total"},
                {"slot": "last", "from": "arguments", "path": "$.id"},
            ],
        },
        {
            "tool": "note",
            "side_effect": "write",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
        },
        {
            "tool": "pay",
            "server": "bank",
            "side_effect": "financial",
            "evidence_class": "local_transaction",
            "commit_requirement": "acknowledged",
            "decision": "ask",
            "phases": {"valid_in": ["one", "two"], "advances_to": "two"},
            "requires": [
                {
                    "tool": "find",
                    "output": [{"path": "$.state", "equals": "open"}],
                    "same": [
                        {"ours": "$.id", "theirs": "$.id"},
                        {"ours": "$.to", "theirs_output": "$.from"},
                    ],
                    "within_seconds": 60,
                }
            ],
            "forbidden_after": ["note"],
            "input_schema": {
                "type": "object",
                "properties": {"id": {"type": "string", "maxLength": 9}, "to": True},
                "required": ["id"],
                "minProperties": 1,
            },
            "arguments": [
                {"path": "$.id", "equals": "1", "not_equals": "2", "type": "string"},
                {"path": "$.to", "one_of": ["a", 1, {"b": [None]}], "none_of": ["x" * 300 + "1"]},
                {"path": "$.id", "contains": "1", "matches": "y" * 300 + "1", "exists": True},
                {"path": "$.n", "gt": 1, "gte": 2, "lt": "3.5", "lte": 4},
                {"path": "$.l", "length_gte": 1, "length_lte": 2},
                {"path": "$.n", "gt_ref": "total", "gte_ref": "total", "equals_ref": "last"},
                {"path": "$.n", "lt_ref": "total", "lte_ref": "total", "not_equals_ref": "last"},
                {"path": "$.n", "one_of_ref": "total", "none_of_ref": "last"},
            ],
            "when": "args.id == '1'",
            "effect_key": ["$.id", "$.to"],
            "timeouts": {"total_ms": 20000},
            "start": "optional",
            "checkpoint": {
                "all_of": [{"role": "approver", "count": 2}, {"role": "boss"}],
                "expires_seconds": 60,
                "reason_required": True,
            },
            "retries": {"max_attempts": 3, "retry_on": ["busy", "timeout"]},
            "cancel": "safe",
            "reconcile": {
                "tool": "find",
                "arguments": {"id": "$.id", "to whom": "$.to"},
                "succeeded_when": [{"path": "$.state", "equals": "paid"}],
                "failed_when": [{"path": "$.state", "none_of": ["paid", "open"]}],
            },
            "redact": ["$.card"],
            "volatile": ["$.trace"],
        },
    ],
}


def compiled(document: dict[str, Any]) -> tuple[Contract, Compiled] | None:
    """Return what a document is compiled to, or None where it has no meaning to tell."""
    contract = read_contract(document)
    if not isinstance(contract, Contract) or MEANINGLESS & {
        finding.code for finding in check_contract(contract)
    }:
        return None
    try:
        return contract, compile_contract(contract)
    except PathError:
        return None


def others(value: object) -> Iterator[object]:
    """Yield values that stand where another one stood."""
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, str(value))
        case str():
            yield from (str(word) for kind in WORDS if value in kind for word in kind)
            yield from (value + "1", value[:-1], value.replace("$.", "$.other."))
            if value.isdecimal():
                yield int(value)
        case None:
            yield False


def mutants(value: object) -> Iterator[object]:
    """Yield copies of a JSON value with one thing changed: a scalar, a key or an element."""
    match value:
        case dict():
            for key, inner in value.items():
                yield {name: one for name, one in value.items() if name != key}
                yield {(f"{key}1" if name == key else name): one for name, one in value.items()}
                yield from ({**value, key: changed} for changed in mutants(inner))
        case list():
            yield value[::-1]
            for index, inner in enumerate(value):
                yield value[:index] + value[index + 1 :]
                yield from (
                    [*value[:index], changed, *value[index + 1 :]] for changed in mutants(inner)
                )
        case _:
            yield from others(value)


def keys_of(value: object) -> set[str]:
    match value:
        case dict():
            return set(value) | {key for inner in value.values() for key in keys_of(inner)}
        case list():
            return {key for inner in value for key in keys_of(inner)}
    return set()


def test_the_contract_of_these_tests_has_every_key_of_the_language() -> None:
    named = {known.encode_name for kind in STRUCTS for known in msgspec.structs.fields(kind)}
    assert named <= keys_of(EVERYTHING)


def test_any_change_of_a_contract_changes_what_people_read() -> None:
    """No two of the contract and its mutants read the same, unless they are the same."""
    reviews: dict[bytes, bytes] = {}
    hashes: set[bytes] = set()
    for changed in (EVERYTHING, *mutants(EVERYTHING)):
        assert isinstance(changed, dict)
        if (found := compiled(changed)) is not None:
            contract, made = found
            known = reviews.setdefault(made.review, contract_hash(contract))
            assert known == contract_hash(contract), json.dumps(changed)
            hashes.add(made.compiled_hash)
    assert len(reviews) == len(hashes) > 400


@pytest.mark.parametrize(
    ("tool", "key", "value"),
    [
        (0, "decision", "allow"),
        (0, "start", "optional"),
        (0, "phases", {"valid_in": ["one", "two"]}),
        (1, "checkpoint", {}),
        (1, "input_schema", True),
        (1, "input_schema", {}),
    ],
)
def test_what_was_the_default_and_is_now_said_is_read_too(
    tool: int, key: str, value: object
) -> None:
    said = copy.deepcopy(EVERYTHING)
    said["tools"][tool][key] = value
    before, after = compiled(EVERYTHING), compiled(said)
    assert before is not None
    assert after is not None
    assert after[1].review != before[1].review


def test_every_key_that_the_evaluator_reads_is_told() -> None:
    found = compiled(EVERYTHING)
    assert found is not None
    review = json.loads(found[1].review)
    runtime = json.loads(found[1].runtime)
    assert set(runtime) == set(RuntimeProjection.__struct_fields__)
    assert set(runtime["tools"]["pay"]) == set(RuntimeTool.__struct_fields__)
    for key in ("agent", "compiler_version", "libraries"):
        assert review[key] == runtime[key]
    told = {line["rule"]: line["says"] for line in review["rules"]}
    assert runtime["tools"]["pay"]["schema_hash"] in told["tools.pay.input_schema"]
    assert told["session.phases[0]"] == "`one` is a phase, a session begins in it"
    assert told["session.phases[2]"] == "`end` is a phase, a session that reaches it is closed"
    assert told["session.transitions.one"] == "from `one` a session may go to `two`, `end`"
    assert "y" * 300 in told["tools.pay.arguments[2].matches"]
    assert told["tools.pay.timeouts.total_ms"].endswith("20000 ms")
    assert told["tools.pay.arguments[0].equals"] == '`$.id` equals `"1"`'
