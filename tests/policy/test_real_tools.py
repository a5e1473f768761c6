"""A contract over forty tools with the schemas that servers publish: sound, and held to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from placet.kernel import foreign
from placet.kernel.principal import Environment
from placet.kernel.value import Input
from placet.policy import model
from placet.policy.cases.judge import judge
from placet.policy.cases.read import read_table
from placet.policy.cases.table import Table
from placet.policy.cases.trials import CallTrial, trials
from placet.policy.checks.check import check_contract
from placet.policy.compile import compile_contract
from placet.policy.decision import Code, Deny
from placet.policy.evaluate import evaluate
from placet.policy.facts import Call
from placet.policy.finding import Strength
from placet.policy.load import load_policy
from placet.policy.model import Contract
from placet.policy.schemas.shape import ANNOTATIONS
from placet.policy.text.directory import parse_directory
from placet.policy.text.document import contract_document
from placet.policy.text.parse import Located, read_contract

HERE = Path(__file__).parent / "real_tools"
ROOT = HERE / "contract"
TOOLS = 40
BAD: list[dict[str, Any]] = yaml.safe_load((HERE / "bad.yaml").read_text())

MAPS = frozenset(("properties", "patternProperties", "dependentSchemas", "$defs", "definitions"))
LISTS = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
DATA = frozenset(("enum", "const", "required", "dependentRequired", "type"))
SILENT = ANNOTATIONS | {"$schema", "$defs", "definitions", "contentEncoding", "contentMediaType"}
"""Keywords that refuse nothing by themselves."""

WITHIN = {"properties": "type", "minContains": "contains", "then": "if", "else": "if"}
"""Keywords that are tried under the name of another."""


def contract_of() -> Contract:
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in ROOT.rglob("*.yaml")}
    found = parse_directory(files)
    assert isinstance(found, Located), found
    return found.contract


CONTRACT = contract_of()


@pytest.fixture(scope="module")
def good() -> dict[str, CallTrial]:
    """The good call of each tool, with the policy and the facts that it is judged by."""
    table = read_table((HERE / "good.yaml").read_bytes(), "yaml")
    assert isinstance(table, Table), table
    ready, faults = trials(table, contract_document(CONTRACT))
    assert faults == []
    return {one.call.tool: one for one in ready if isinstance(one, CallTrial)}


def tools() -> Iterator[tuple[str, dict[str, Any]]]:
    for tool in CONTRACT.tools:
        assert isinstance(tool.input_schema, dict)
        yield tool.tool, tool.input_schema


def keywords(schema: object) -> Iterator[tuple[str, object]]:
    """Return every keyword of a schema with its value, those of its parts too."""
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        yield key, value
        if key in MAPS:
            inner = list(value.values())
        elif key in LISTS:
            inner = value
        else:
            inner = [] if key in DATA | ANNOTATIONS else [value]
        for one in inner:
            yield from keywords(one)


USED = [pair for _, schema in tools() for pair in keywords(schema)]


def test_the_contract_is_sound_wherever_it_is_to_run() -> None:
    assert len(CONTRACT.tools) == TOOLS
    strength = {tool.tool: Strength.PROXIED for tool in CONTRACT.tools}
    for environment in (None, *Environment):
        assert check_contract(CONTRACT, environment, strength) == []


def test_it_compiles_and_loads() -> None:
    policy = load_policy(compile_contract(CONTRACT).runtime)
    assert set(policy.tools) == {tool.tool for tool in CONTRACT.tools}


def test_it_is_the_same_contract_as_one_document() -> None:
    assert read_contract(contract_document(CONTRACT)) == CONTRACT


@pytest.mark.parametrize("tool", [tool for tool, _ in tools()])
def test_a_good_call_passes(good: dict[str, CallTrial], tool: str) -> None:
    assert good[tool].name == tool
    result = judge(good[tool])
    assert result.mismatches == (), result.said


@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case['tool']}-{case['name']}")
def test_a_bad_call_is_refused_for_what_is_wrong_with_it(
    good: dict[str, CallTrial], case: dict[str, Any]
) -> None:
    tool = case["tool"]
    trial = good[tool]
    given = foreign.parse(trial.call.arguments)
    assert isinstance(given, dict)
    left = {key: value for key, value in given.items() if key not in case.get("without", [])}
    text = foreign.encode(left | case.get("with", {}))
    decision = evaluate(trial.policy, trial.facts, Call(tool=tool, arguments=text))
    assert isinstance(decision, Deny)
    assert decision.layer == 6
    first = decision.reasons[0]
    assert first.code is Code.SCHEMA_VIOLATED
    assert first.rule == f"tools.{tool}.input_schema/{case['rule']}"
    assert first.detail.startswith(f"`{case['at']}`: ")
    assert first.needs.startswith(f"`{case['at']}` fits `")


def test_every_keyword_of_the_schemas_is_tried_by_a_bad_call() -> None:
    used = {WITHIN.get(key, key) for key, _ in USED} - SILENT
    tried = {case["name"].partition(":")[0].partition(" ")[0] for case in BAD}
    assert used == tried


def test_every_format_of_the_schemas_is_tried_by_a_bad_call() -> None:
    used = {str(value) for key, value in USED if key == "format"}
    tried = " ".join(case["name"] for case in BAD if case["name"].startswith("format"))
    assert [name for name in used if name not in tried] == []


def test_the_schemas_have_the_shapes_that_servers_publish() -> None:
    dialects = [schema.get("$schema") for _, schema in tools()]
    assert len({one for one in dialects if one}) == 2
    assert dialects.count(None) > TOOLS / 3
    extra = [value for key, value in USED if key == "additionalProperties"]
    assert True in extra
    assert False in extra
    assert any(isinstance(value, dict) for value in extra)
    assert any("additionalProperties" not in schema for _, schema in tools())
    assert any(isinstance(value, list) and "null" in value for key, value in USED if key == "type")
    assert {"description", "default", "title", "examples", "definitions", "$defs", "$ref"} <= {
        key for key, _ in USED
    }


KINDS: list[type[Input]] = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and issubclass(kind, Input) and kind is not Input
]


def written(value: object) -> Iterator[tuple[type, str]]:
    """Return every field that a contract has and that is not what it is without it."""
    if isinstance(value, Input):
        for field in msgspec.structs.fields(value):
            inner = getattr(value, field.name)
            default = (
                field.default_factory()
                if field.default_factory is not msgspec.NODEFAULT
                else field.default
            )
            if inner != default:
                yield type(value), field.name
            yield from written(inner)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from written(one)
    elif isinstance(value, dict):
        for one in value.values():
            yield from written(one)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_key_of_the_language_stands_somewhere(kind: type[Input]) -> None:
    used = {name for owner, name in written(CONTRACT) if owner is kind}
    assert used == {field.name for field in msgspec.structs.fields(kind)}
