"""The JSON Schema of the language, beside the reader that it describes."""

import copy
import json
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from tests.policy.contracts import Document, contracts

from placet.kernel.foreign import Json
from placet.policy.model import Contract
from placet.policy.text.language import language_schema
from placet.policy.text.parse import read_contract

ROOT = Path(__file__).parents[3]
EXAMPLE = yaml.safe_load((ROOT / "tests/policy/example.yaml").read_text())
SCHEMA = language_schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)


def takes(document: object) -> bool:
    return VALIDATOR.is_valid(cast("Json", document))


def test_the_page_is_what_the_code_says() -> None:
    kept = json.loads((ROOT / "docs/reference/contract.schema.json").read_text())
    assert kept == SCHEMA, "run `placet policy schema > docs/reference/contract.schema.json`"


def test_the_schema_is_one_of_its_own_dialect() -> None:
    jsonschema_rs.meta.validate(SCHEMA)


def test_the_example_of_the_language_is_taken() -> None:
    assert takes(EXAMPLE)


@given(contracts())
@settings(
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_every_contract_is_taken(document: Document) -> None:
    assert takes(document)


def mappings(value: object) -> list[dict[str, Any]]:
    """Return every mapping of a contract that the language has keys for."""
    open_keys = {"input_schema", "transitions", "risk_defaults", "where", "max_calls_per_tool"}
    found: list[dict[str, Any]] = []
    if isinstance(value, dict):
        found.append(value)
        for key, inner in value.items():
            is_open = key in open_keys or (key in {"when", "arguments"} and isinstance(inner, dict))
            found += [] if is_open else mappings(inner)
    if isinstance(value, list):
        found += [one for inner in value for one in mappings(inner)]
    return found


def test_an_unknown_key_is_refused_wherever_it_stands() -> None:
    places = len(mappings(EXAMPLE))
    assert places > 30
    for place in range(places):
        document = copy.deepcopy(EXAMPLE)
        mappings(document)[place]["unknown"] = 1
        assert not takes(document), mappings(EXAMPLE)[place]
        assert isinstance(read_contract(document), list)


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 1},
        {"schema_version": "2"},
        {"agent": "a b"},
        {"agent": "a\n"},
        {"tools": []},
        {"session": {"limits": {"max_steps": 0}}},
        {"session": {"limits": {"max_steps": True}}},
        {"session": {"limits": {"max_calls_per_tool": {"*": 1}}}},
        {"session": {"risk_defaults": {"red": "ask"}}},
        {"session": {"gate": "open"}},
        {"session": {"labels": [{"when": {}, "deny": ["a"]}]}},
        {"session": {"labels": [{"when": {"a": 1}, "deny": ["a"]}]}},
        {"session": {"aggregates": [{"name": "a", "tool": "a", "op": "sum", "lte": 1.5}]}},
        {"session": {"aggregates": [{"name": "a", "tool": "a", "op": "sum", "lte": "1,5"}]}},
        {"session": {"phases": [{"name": "a"}] * 101}},
    ],
)
def test_what_the_reader_refuses_the_schema_refuses(change: dict[str, object]) -> None:
    document = EXAMPLE | change
    assert isinstance(read_contract(document), list)
    assert not takes(document)


def test_every_key_of_the_language_stands_in_the_schema() -> None:
    named = cast("dict[str, Any]", SCHEMA["$defs"])
    assert set(named["ToolContract"]["properties"]) == {
        field.encode_name for field in msgspec.structs.fields(read(EXAMPLE).tools[0])
    }
    assert all(schema["description"] for schema in named.values())


def read(document: object) -> Contract:
    contract = read_contract(document)
    assert isinstance(contract, Contract)
    return contract
