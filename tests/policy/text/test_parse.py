"""Text to a contract: what is taken, and what each fault says and where."""

import json
from pathlib import Path

import pytest

from placet.policy.checks.check import check_contract
from placet.policy.finding import Finding, Severity
from placet.policy.model import Contract
from placet.policy.text.document import contract_document
from placet.policy.text.parse import (
    Form,
    Located,
    locate,
    parse_contract,
    parse_located,
)
from placet.policy.text.tree import FINDINGS_MAX

EXAMPLE = Path(__file__).parents[1] / "example.yaml"
TOOL = "{tool: a, side_effect: read, evidence_class: ack_only, commit_requirement: none}"
HEAD = 'schema_version: "1"\nagent: desk\n'
SMALL = f"{HEAD}tools:\n  - {TOOL}\n"


def findings_of(text: str | bytes, form: Form = "yaml") -> list[Finding]:
    found = parse_contract(text.encode() if isinstance(text, str) else text, form)
    assert isinstance(found, list), found
    return found


def told(text: str | bytes, form: Form = "yaml") -> list[tuple[str, int | None, int | None]]:
    return [(one.code, one.line, one.column) for one in findings_of(text, form)]


def read(text: str) -> Contract:
    contract = parse_contract(text.encode(), "yaml")
    assert isinstance(contract, Contract), contract
    return contract


def example() -> Contract:
    contract = parse_contract(EXAMPLE.read_bytes(), "yaml")
    assert isinstance(contract, Contract), contract
    return contract


def test_the_example_of_the_language_has_no_finding() -> None:
    assert check_contract(example()) == []


def test_a_contract_says_the_same_in_yaml_and_in_json() -> None:
    as_json = json.dumps(contract_document(example())).encode()
    assert parse_contract(as_json, "json") == example()
    assert parse_contract(as_json, "yaml") == example()


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
        (f"{SMALL}x: '\0'\n", ("malformed_yaml", 5, 5)),
        (f"{SMALL}x: 'a\x07'\n", ("malformed_yaml", 5, 6)),
        (f'{SMALL}x: "\\0"\n', ("malformed_yaml", 5, 4)),
        (f"{SMALL}x: 'a\u2028'\n", ("yaml_ambiguous", 5, 6)),
        (f"{SMALL}x: 'a\x85'\n", ("yaml_ambiguous", 5, 6)),
        (f"%YAML 1.1\n---\n{SMALL}", ("yaml_directive", 1, 1)),
        (f"# first\n%TAG !a! b:\n---\n{SMALL}", ("yaml_directive", 2, 1)),
        (f"{SMALL}{'k' * 501}: 1\n", ("key_too_long", 5, 1)),
        (f"{SMALL}x: [{'1,' * 80_000}]\n", ("too_many_values", 5, 159_985)),
        (f"{SMALL}x: \U0001f600\ny: 'é'\n  z: 1\n", ("malformed_yaml", 7, 3)),
        ("", ("malformed_yaml", 1, 1)),
        (f"{SMALL}x: {'[' * 32}{']' * 32}\n", ("too_deep", 5, 35)),
        (b"\xff", ("not_utf8", 1, 1)),
        (b" " * (1024 * 1024 + 1), ("too_large", 1, 1)),
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
        ("1.0", 1),
        ("-1e2", -100),
        ("7.126161859883994e+16", 71261618598839940),
        ("1e21", 1e21),
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
        ("[" + "1," * 80_000 + "1]", ("too_many_values", 1, 160_000)),
        ('\ufeff{"a": 1}', ("malformed_json", 1, 1)),
        ('{"' + "k" * 501 + '": 1}', ("key_too_long", 1, 2)),
    ],
)
def test_json_that_is_none_is_refused_where_it_stands(
    text: str, expected: tuple[str, int, int]
) -> None:
    assert expected in told(text, "json")


def test_more_faults_than_anybody_mends_are_not_all_told() -> None:
    text = SMALL + "".join(f"key{index}: 1\n" for index in range(2 * FINDINGS_MAX))
    assert len(findings_of(text)) == FINDINGS_MAX


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "y", "n"])
def test_a_word_for_a_truth_value_is_refused_in_any_case(word: str) -> None:
    for case in (word, word.upper(), word.capitalize()):
        (found,) = findings_of(SMALL.replace("tool: a", f"tool: a, decision: {case}"))
        assert (found.code, found.line, found.column) == ("yaml_ambiguous", 4, 25)
        assert "true or false" in found.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x: 0777\n", "decimal"),
        ("x: 0o17\n", "decimal"),
        ("x: 12:30\n", "quotes"),
        ("x: 2026-11-20\n", "quotes"),
        ("x: .inf\n", "digits"),
        ("x: 1_000\n", "without `_`"),
        ("x: !!int 1\n", "leave the tag out"),
        ("x: &a 1\n", "leave the anchor out"),
        ("x: *a\n", "write the value out"),
        ("<<: {a: 1}\n", "write the keys out"),
        ("2: x\n", "put the key in quotes"),
        ("agent: b\n", "keep one"),
        ("---\na: 1\n", "keep one"),
        ("x: '\u2028'\n", '`"\\u2028"`'),
    ],
)
def test_what_yaml_lets_one_write_and_we_do_not_take_is_told_with_what_to_write(
    text: str, words: str
) -> None:
    assert any(words in found.hint for found in findings_of(f"{SMALL}{text}"))


def test_an_alias_bomb_is_refused_and_not_blown_up() -> None:
    lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{at}: &x{at} [{', '.join([f'*x{at - 1}'] * 9)}]" for at in range(1, 12)]
    codes = {code for code, _, _ in told(SMALL + "\n".join(lines))}
    assert codes == {"yaml_anchor", "yaml_alias", "unknown_key"}


def test_a_yaml_text_may_begin_with_a_byte_order_mark() -> None:
    assert parse_contract(b"\xef\xbb\xbf" + SMALL.encode(), "yaml") == read(SMALL)


def test_a_text_in_utf_16_is_told_as_such() -> None:
    (found,) = findings_of(SMALL.encode("utf-16"))
    assert (found.code, "UTF-8" in found.message) == ("not_utf8", True)


def test_a_word_that_reads_in_two_ways_is_told_once() -> None:
    text = SMALL.replace("tool: a", "tool: a, decision: yes")
    assert told(text) == [("yaml_ambiguous", 4, 25)]


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


def places(text: str, *paths: str) -> list[tuple[int | None, int | None]]:
    """Return where findings with these paths are told to stand."""
    located = parse_located(text.encode(), "yaml")
    assert isinstance(located, Located), located
    findings = [Finding(code="x", severity=Severity.ERROR, path=it, message="") for it in paths]
    return [(found.line, found.column) for found in locate(findings, located)]


def test_a_finding_of_a_check_stands_where_its_value_stands() -> None:
    text = SMALL.replace("tool: a", 'tool: a, input_schema: {properties: {"it\'s": {type: 5}}}')
    path = r"$.tools[0].input_schema.properties['it\'s'].type"
    assert places(text, "$", "$.agent", "$.tools[0]", path) == [(1, 1), (2, 8), (4, 5), (4, 58)]


def test_a_finding_on_what_is_absent_stands_where_its_mapping_begins() -> None:
    text = f"{SMALL}session:\n  gate: strip_partial\n"
    absent = ["$.session.phases", "$.tools[0].input_schema", "$.tools[7].tool", "$.x.y"]
    assert places(text, *absent) == [(6, 3), (4, 5), (4, 3), (1, 1)]


def test_a_finding_on_the_name_of_a_phase_or_tool_stands_at_the_name() -> None:
    text = f"{SMALL}session:\n  transitions: {{b c: []}}\n".replace("b c", "b")
    text += "  limits:\n    max_calls_per_tool: {x: 1, z: 2}\n"
    wanted = ["$.session.transitions.b", "$.session.limits.max_calls_per_tool.z"]
    assert places(text, *wanted) == [(6, 17), (8, 32)]
