"""Text to a contract: what is taken, and what each fault says and where."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from placet.policy.checks.check import check_contract
from placet.policy.finding import Finding
from placet.policy.model import Contract, Ruling
from placet.policy.text.document import contract_document
from placet.policy.text.parse import (
    Form,
    Located,
    locate,
    parse_contract,
    parse_located,
    read_contract,
)
from placet.policy.text.tree import FINDINGS_MAX

CASES = Path(__file__).parents[1] / "cases"
TOOL = "{tool: a, side_effect: read, evidence_class: ack_only, commit_requirement: none}"
HEAD = 'schema_version: "1"\nagent: desk\n'
SMALL = f"{HEAD}tools:\n  - {TOOL}\n"


def findings_of(text: str | bytes, form: Form = "yaml") -> list[Finding]:
    found = parse_contract(text.encode() if isinstance(text, str) else text, form)
    assert isinstance(found, list), found
    return found


def told(text: str | bytes, form: Form = "yaml") -> list[tuple[str, int | None, int | None]]:
    return [(one.code, one.line, one.column) for one in findings_of(text, form)]


def example() -> Contract:
    text = (CASES / "example.yaml").read_bytes()
    contract = parse_contract(text, "yaml")
    assert isinstance(contract, Contract), contract
    return contract


def test_the_example_of_the_language_has_no_finding() -> None:
    assert check_contract(example()) == []


def test_a_contract_says_the_same_in_yaml_and_in_json() -> None:
    as_json = json.dumps(contract_document(example())).encode()
    assert parse_contract(as_json, "json") == example()
    assert parse_contract(as_json, "yaml") == example()


@pytest.mark.parametrize("name", ["decisions.yaml", "responses.yaml"])
def test_a_contract_comes_back_from_its_document(name: str) -> None:
    contract = read_contract(yaml.safe_load((CASES / name).read_text("utf-8"))["contract"])
    assert isinstance(contract, Contract)
    document = contract_document(contract)
    assert read_contract(document) == contract
    assert contract_document(contract) == document


def test_a_key_with_its_default_is_left_out_of_the_document() -> None:
    spelt = f"{SMALL}session: {{gate: reject_all, unmatched_tools: deny, phases: []}}\n"
    spelt += "# and a comment\n"
    assert parse_contract(spelt.encode(), "yaml") == parse_contract(SMALL.encode(), "yaml")
    contract = parse_contract(spelt.encode(), "yaml")
    assert isinstance(contract, Contract)
    assert "session" not in contract_document(contract)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SMALL}x: yes\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: No\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: OFF\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: [n]\n", ("yaml_ambiguous", 5, 5)),
        (f"{SMALL}y: 1\n", ("yaml_ambiguous", 5, 1)),
        (f"{SMALL}x: 0777\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: 0o17\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: 12:30:45\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: 2026-11-20\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: 2026-11-20T10:00:00Z\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: .inf\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: -.Inf\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: .nan\n", ("yaml_ambiguous", 5, 4)),
        (f"{SMALL}x: !!str 1\n", ("yaml_tag", 5, 4)),
        (f"{SMALL}x: !!python/object:os.system a\n", ("yaml_tag", 5, 4)),
        (f"{SMALL}x: ! a\n", ("yaml_tag", 5, 4)),
        (f"{SMALL}x: &a 1\n", ("yaml_anchor", 5, 4)),
        (f"{SMALL}x: [&a 1, *a]\n", ("yaml_alias", 5, 11)),
        (f"{SMALL}<<: {{x: 1}}\n", ("yaml_merge", 5, 1)),
        (f"{SMALL}1: x\n", ("yaml_key", 5, 1)),
        (f"{SMALL}null: x\n", ("yaml_key", 5, 1)),
        (f"{SMALL}? [a]\n: x\n", ("yaml_key", 5, 3)),
        (f"{SMALL}agent: other\n", ("duplicate_key", 5, 1)),
        (f"{SMALL}---\nagent: other\n", ("yaml_documents", 5, 1)),
        (f"{SMALL}x: [\n", ("malformed_yaml", 6, 1)),
        (f"{SMALL}x: 1e999\n", ("malformed_yaml", 5, 4)),
        (f"{SMALL}x: {'9' * 101}\n", ("malformed_yaml", 5, 4)),
        (f"{SMALL}x: '\0'\n", ("malformed_yaml", None, None)),
        ("", ("malformed_yaml", None, None)),
        (f"{SMALL}x: {'[' * 32}{']' * 32}\n", ("too_deep", 5, 35)),
        (b"\xff", ("not_utf8", None, None)),
        (b" " * (1024 * 1024 + 1), ("too_large", None, None)),
    ],
)
def test_yaml_that_reads_in_two_ways_is_refused_where_it_stands(
    text: str | bytes, expected: tuple[str, int | None, int | None]
) -> None:
    assert expected in told(text)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("0x1F", 31),
        ("+5", 5),
        ("1.50", 1.5),
        ("-1e2", -100.0),
        ("'yes'", "yes"),
        ('"2026-11-20"', "2026-11-20"),
        ("yesterday", "yesterday"),
        ("v1.2.3", "v1.2.3"),
        ("|-\n        a\n        b", "a\nb"),
    ],
)
def test_a_plain_scalar_is_what_the_core_schema_says(written: str, value: object) -> None:
    tool = TOOL.replace("{tool: a", "tool: a").replace("}", "").replace(", ", "\n    ")
    text = f"{HEAD}tools:\n  - {tool}\n    arguments:\n    - path: $.x\n      equals: {written}\n"
    contract = parse_contract(text.encode(), "yaml")
    assert isinstance(contract, Contract), contract
    assert contract.tools[0].arguments[0].equals == value
    assert type(contract.tools[0].arguments[0].equals) is type(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"agent": "a", "agent": "b"}', ("duplicate_key", 1, 16)),
        ('{\n  "agent": "a",\n  "x": {"y": 1,\n    "y": 2}}', ("duplicate_key", 4, 5)),
        ("{'a': 1}", ("malformed_json", 1, 2)),
        ('{"a": 1,}', ("malformed_json", 1, 9)),
        ('{"a": 01}', ("malformed_json", 1, 8)),
        ('{"a": +1}', ("malformed_json", 1, 7)),
        ('{"a": NaN}', ("malformed_json", 1, 7)),
        ('{"a": 1e999}', ("malformed_json", 1, 7)),
        ('{"a": "\t"}', ("malformed_json", 1, 7)),
        ('{"a": "\\x"}', ("malformed_json", 1, 7)),
        ('{"a": "\\u0000"}', ("malformed_json", 1, 7)),
        ('{"a": "\\ud83d"}', ("malformed_json", 1, 7)),
        ('{"a": 1} {}', ("malformed_json", 1, 10)),
        ('{"a"\n1}', ("malformed_json", 2, 1)),
        ("", ("malformed_json", 1, 1)),
        ("[" * 33 + "]" * 33, ("too_deep", 1, 33)),
    ],
)
def test_json_that_is_none_is_refused_where_it_stands(
    text: str, expected: tuple[str, int, int]
) -> None:
    assert expected in told(text, "json")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"agnet": "x"}, ("unknown_key", "$.agnet")),
        ({"agent": None}, ("wrong_type", "$.agent")),
        ({"agent": ""}, ("bad_value", "$.agent")),
        ({"agent": "a b"}, ("bad_value", "$.agent")),
        ({"schema_version": 1}, ("wrong_type", "$.schema_version")),
        ({"schema_version": "2"}, ("bad_value", "$.schema_version")),
        ({"tools": []}, ("bad_value", "$.tools")),
        ({"tools": {}}, ("wrong_type", "$.tools")),
        ({"session": []}, ("wrong_type", "$.session")),
        ({"session": {"limits": {}}}, ("key_not_supported", "$.session.limits")),
        ({"session": {"gate": "open"}}, ("bad_value", "$.session.gate")),
        ({"session": {"transitions": {"a b": []}}}, ("bad_value", "$.session.transitions['a b']")),
        (
            {"session": {"risk_defaults": {"red": "ask"}}},
            ("bad_value", "$.session.risk_defaults.red"),
        ),
        (
            {"session": {"phases": [{"name": "a", "initial": "yes"}]}},
            ("wrong_type", "$.session.phases[0].initial"),
        ),
        ({"session": {"phases": [{}]}}, ("missing_key", "$.session.phases[0].name")),
    ],
)
def test_a_contract_of_the_wrong_form_is_refused(
    change: dict[str, object], expected: tuple[str, str]
) -> None:
    found = read_contract(base() | change)
    assert isinstance(found, list)
    assert [(one.code, one.path) for one in found] == [expected]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"side_efect": "read"}, ("unknown_key", "side_efect")),
        ({"when": "true"}, ("key_not_supported", "when")),
        ({"binds": []}, ("key_not_supported", "binds")),
        ({"retries": {}}, ("key_not_supported", "retries")),
        ({"cancel": "never"}, ("key_not_supported", "cancel")),
        ({"reconcile": {}}, ("key_not_supported", "reconcile")),
        ({"side_effect": "reads"}, ("bad_value", "side_effect")),
        ({"decision": None}, ("wrong_type", "decision")),
        ({"timeouts": {"total_ms": 0}}, ("bad_value", "timeouts.total_ms")),
        ({"timeouts": {"total_ms": True}}, ("wrong_type", "timeouts.total_ms")),
        ({"timeouts": {"total_ms": 5.0}}, ("wrong_type", "timeouts.total_ms")),
        ({"phases": {"valid_in": []}}, ("bad_value", "phases.valid_in")),
        ({"input_schema": "{}"}, ("wrong_type", "input_schema")),
        ({"arguments": [{"path": "$.a", "lte": 1.5}]}, ("wrong_type", "arguments[0].lte")),
        ({"arguments": [{"path": "$.a", "lte": "1,5"}]}, ("bad_value", "arguments[0].lte")),
        ({"arguments": [{"path": "$.a", "lte": "01"}]}, ("bad_value", "arguments[0].lte")),
        ({"arguments": [{"path": "$.a", "lte": "5\n"}]}, ("bad_value", "arguments[0].lte")),
        ({"server": "orders\n"}, ("bad_value", "server")),
        ({"arguments": [{"path": "$.a", "lte": True}]}, ("wrong_type", "arguments[0].lte")),
        (
            {"arguments": [{"path": "$.a", "lte_ref": "x"}]},
            ("key_not_supported", "arguments[0].lte_ref"),
        ),
        (
            {"arguments": [{"path": "$.a", "length_lte": -1}]},
            ("bad_value", "arguments[0].length_lte"),
        ),
        ({"arguments": [{"path": "$.a", "type": "int"}]}, ("bad_value", "arguments[0].type")),
        (
            {"arguments": [{"path": "$.a", "matches": "a" * 1001}]},
            ("bad_value", "arguments[0].matches"),
        ),
        ({"arguments": [{"lte": 1}]}, ("missing_key", "arguments[0].path")),
        (
            {"requires": [{"tool": "a", "within_seconds": 0}]},
            ("bad_value", "requires[0].within_seconds"),
        ),
        (
            {"requires": [{"tool": "a", "output": [{"path": "$.a", "gt_ref": "x"}]}]},
            ("key_not_supported", "requires[0].output[0].gt_ref"),
        ),
        ({"checkpoint": {"all_of": []}}, ("bad_value", "checkpoint.all_of")),
        (
            {"checkpoint": {"all_of": [{"role": "a", "count": 0}]}},
            ("bad_value", "checkpoint.all_of[0].count"),
        ),
    ],
)
def test_a_tool_of_the_wrong_form_is_refused(
    change: dict[str, object], expected: tuple[str, str]
) -> None:
    document = base()
    document["tools"][0] |= change
    found = read_contract(document)
    assert isinstance(found, list)
    assert [(one.code, one.path) for one in found] == [(expected[0], f"$.tools[0].{expected[1]}")]


def base() -> dict[str, Any]:
    document = yaml.safe_load(SMALL)
    assert isinstance(document, dict)
    return copy.deepcopy(document)


def test_more_faults_than_anybody_mends_are_not_all_told() -> None:
    text = SMALL + "".join(f"key{index}: 1\n" for index in range(2 * FINDINGS_MAX))
    assert len(findings_of(text)) == FINDINGS_MAX


@pytest.mark.parametrize(
    ("session", "path"),
    [
        ({"phases": [{"name": f"p{it}"} for it in range(101)]}, "$.session.phases"),
        ({"transitions": {f"p{it}": [] for it in range(101)}}, "$.session.transitions"),
    ],
)
def test_a_list_has_no_more_than_can_be_checked(session: dict[str, object], path: str) -> None:
    found = read_contract(base() | {"session": session})
    assert isinstance(found, list)
    assert [(one.code, one.path) for one in found] == [("bad_value", path)]


def test_a_word_that_reads_in_two_ways_is_told_once() -> None:
    text = SMALL.replace("tool: a", "tool: a, decision: yes")
    assert told(text) == [("yaml_ambiguous", 4, 25)]


def test_an_unknown_key_names_the_nearest_one() -> None:
    (found,) = findings_of(f"{SMALL}sesion: {{}}\n")
    assert found.hint == "did you mean `session`?"


def test_every_fault_of_a_document_is_told_at_once() -> None:
    text = "schema_version: 2\ntools: [{tool: 'a b', side_effect: no}]\nx: &a 1\n"
    assert {one.code for one in findings_of(text)} == {
        "wrong_type",
        "bad_value",
        "missing_key",
        "yaml_ambiguous",
        "yaml_anchor",
        "unknown_key",
    }


def test_a_finding_of_a_check_stands_at_its_line_and_column() -> None:
    text = f"{SMALL}    decision: allow\n".replace(TOOL, "tool: a").replace(
        "    decision",
        "    side_effect: write\n    evidence_class: ack_only\n"
        "    commit_requirement: none\n    decision",
    )
    located = parse_located(text.encode(), "yaml")
    assert isinstance(located, Located), located
    assert located.contract.tools[0].decision is Ruling.ALLOW
    found = locate(check_contract(located.contract), located)
    assert ("commit_without_evidence", 7, 25) in [(it.code, it.line, it.column) for it in found]
    assert ("schema_missing", 4, 5) in [(it.code, it.line, it.column) for it in found]
