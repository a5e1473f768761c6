"""YAML as a person would write it."""

from pathlib import Path

import pytest
import yaml
from tests.policy.contracts import ODD_TEXTS

from placet.policy.model import Contract
from placet.policy.text.parse import Located, parse_contract, parse_located
from placet.policy.text.values import plain
from placet.policy.text.writing import WIDTH, write_document, write_tool, write_yaml
from placet.policy.text.yaml_text import has_comment

EXAMPLE = Path(__file__).parents[1] / "example.yaml"


def written(**keys: object) -> str:
    """Return the lines of a tool after the four that each tool has."""
    head = {"tool": "a", "side_effect": "read", "evidence_class": "x", "commit_requirement": "x"}
    return "".join(write_tool({**keys, **head}).splitlines(keepends=True)[4:])


def test_the_example_keeps_its_order_and_its_short_lines() -> None:
    located = parse_located(EXAMPLE.read_bytes(), "yaml")
    assert isinstance(located, Located)
    text = write_document(plain(located.document))
    assert parse_contract(text.encode(), "yaml") == located.contract
    for line in (
        'schema_version: "1"',
        "    - {name: intake, initial: true}",
        "  transitions: {intake: [verified], verified: [closed]}",
        "    loop: {window: 8, threshold: 3}",
        "  - tool: lookup_order",
        "    server: orders",
        "    phases: {valid_in: [intake, verified], advances_to: verified}",
        "      - {path: $.amount_cents, gte: 1, lte: 50000}",
        '    when: "args.amount_cents % 100 == 0 || principal.senior == true"',
    ):
        assert f"{line}\n" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_a_default_is_left_out_of_a_contract_and_kept_in_a_document() -> None:
    text = EXAMPLE.read_text()
    contract = parse_contract(text.encode(), "yaml")
    assert isinstance(contract, Contract)
    assert "cancel" not in write_yaml(contract)
    assert "cancel: never" in write_document(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("two words", "two words"),
        ("$.a.b", "$.a.b"),
        ("ä", "ä"),
        ("yes", '"yes"'),
        ("1", '"1"'),
        ("0.5", '"0.5"'),
        ("null", '"null"'),
        ("2026-11-20", '"2026-11-20"'),
        ("", '""'),
        ("*", '"*"'),
        ("a: b", '"a: b"'),
        ("a  b", '"a  b"'),
        (" a", '" a"'),
        ("it's", '"it\'s"'),
        (r"\d+", r"'\d+'"),
        ('say "it\'s"', "'say \"it''s\"'"),
        ("a\tb", r'"a\tb"'),
        ("\x85\u2028\ufeff\x07", r'"\u0085\u2028\ufeff\u0007"'),
        ("😀", '"😀"'),
        (True, "true"),
        (None, "null"),
        (12, "12"),
        (1e-7, "1e-7"),
        ([], "[]"),
        ({}, "{}"),
        (["a", "1"], '[a, "1"]'),
    ],
)
def test_a_value_has_quotes_only_where_it_needs_them(value: object, text: str) -> None:
    assert written(input_schema={"x": value}) == f"input_schema: {{x: {text}}}\n"


def test_what_is_long_or_has_several_lines_is_written_in_several() -> None:
    rules = [{"path": "$.a", "one_of": ["word"] * 20}, {"path": "$.b", "equals": "c"}]
    assert written(arguments=rules, when="a &&\n  b\n") == (
        "arguments:\n"
        "  - path: $.a\n"
        "    one_of:\n" + "      - word\n" * 20 + "  - {path: $.b, equals: c}\n"
        "when: |\n"
        "  a &&\n"
        "    b\n"
    )


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_other_readers_read_the_same_strings(text: str) -> None:
    out = written(input_schema={"k": [text, {"k" + text: [text] * 2}], "l": [[text]] * 20})
    assert yaml.safe_load(out) == {
        "input_schema": {"k": [text, {"k" + text: [text] * 2}], "l": [[text]] * 20}
    }


@pytest.mark.parametrize("key", ["k" * 500, "\x07" * 500, "\x07" * 200])
def test_a_key_longer_than_yaml_looks_ahead_is_still_one(key: str) -> None:
    out = written(input_schema={"properties": {key: {"type": "string"}}})
    assert yaml.safe_load(out) == {"input_schema": {"properties": {key: {"type": "string"}}}}


@pytest.mark.parametrize(
    ("text", "has"),
    [
        ("a: b\n", False),
        ("a: 'x # y'\nb: x#y\n", False),
        ("a: |\n  x # y\n", False),
        ("a: b # c\n", True),
        ("# c\na: b\n", True),
        ("a: b\n# c", True),
        ("ä😀: 'b' # c\n", True),
        ("\ufeffa: 'b#'\n", False),
        ("a: | # c\n  b\n", True),
        ("a: |\n  b\n# c\nd: e\n", True),
        ("a: [x, # c\n  y]\n", True),
    ],
)
def test_comments_are_seen_and_nothing_else_is_taken_for_one(text: str, *, has: bool) -> None:
    assert has_comment(text) is has
