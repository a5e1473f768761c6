"""There and back: a contract, its document, its canonical JSON, and its YAML."""

from typing import cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from tests.policy import contracts as drawn
from tests.policy.contracts import Document, contracts, sound_contracts

from placet.kernel import foreign
from placet.kernel.foreign import Json
from placet.policy import model
from placet.policy.checks.check import check_contract, stops
from placet.policy.model import Contract
from placet.policy.text.document import contract_document
from placet.policy.text.parse import Located, parse_contract, parse_located, read_contract
from placet.policy.text.values import plain
from placet.policy.text.writing import write_document, write_yaml

MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=None,
)


def read(document: object) -> Contract:
    contract = read_contract(document)
    assert isinstance(contract, Contract), contract
    return contract


def canonical(contract: Contract) -> bytes:
    """Return the canonical JSON, which unlike `==` tells true from 1."""
    return foreign.encode(cast("Json", contract_document(contract)))


@given(contracts())
@MANY
def test_canonical_json_is_read_as_the_same_contract(document: Document) -> None:
    contract = read(document)
    text = canonical(contract)
    again = parse_contract(text, "json")
    assert again == contract
    assert canonical(again) == text


@given(contracts())
@MANY
def test_written_yaml_is_read_as_the_same_contract(document: Document) -> None:
    contract = read(document)
    again = parse_contract(write_yaml(contract).encode(), "yaml")
    assert again == contract
    assert canonical(again) == canonical(contract)


@given(contracts())
@MANY
def test_writing_what_was_written_changes_nothing(document: Document) -> None:
    text = write_document(document)
    located = parse_located(text.encode(), "yaml")
    assert isinstance(located, Located), located
    assert canonical(located.contract) == canonical(read(document))
    assert write_document(plain(located.document)) == text


@given(sound_contracts())
@MANY
def test_contracts_that_are_drawn_as_sound_are(document: Document) -> None:
    assert not stops(check_contract(read(document)))


@pytest.mark.parametrize(
    ("struct", "keys"),
    [
        (model.Rule, drawn.OPERATORS.keys() | {"path"}),
        (model.Requirement, drawn.REQUIREMENT.keys() | {"tool"}),
        (model.Checkpoint, drawn.CHECKPOINT.keys()),
        (model.Reconcile, drawn.RECONCILE.keys() | {"tool"}),
        (model.ToolContract, drawn.TOOL.keys() | drawn.TOOL_NEEDED.keys()),
        (model.Limits, drawn.LIMITS.keys()),
        (model.Aggregate, drawn.AGGREGATE.keys() | {"name", "tool", "op"}),
        (model.SessionRules, drawn.SESSION.keys()),
    ],
)
def test_contracts_are_drawn_with_every_key(struct: type, keys: set[str]) -> None:
    assert {field.encode_name for field in msgspec.structs.fields(struct)} == keys
