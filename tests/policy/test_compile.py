"""Compilation: the same bytes everywhere, and nothing loaded that cannot be decided by."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from placet.kernel import foreign
from placet.policy.compile import CompilerVersionUnknownError, compile_contract, contract_hash
from placet.policy.load import PolicyLoadError, load_policy
from placet.policy.model import Contract
from placet.policy.projection import LIBRARIES
from placet.policy.schemas.engine import library_version
from placet.policy.text.parse import parse_contract, read_contract

EXAMPLE = Path(__file__).parent / "example.yaml"
GOLDEN = "1fa0e1978a4025e30d30e37454f66d4fe61daa50320c76f591ee01de6aa4dae8"
PROGRAM = """
import sys
from pathlib import Path
from placet.policy.compile import compile_contract
from placet.policy.text.parse import parse_contract
print(compile_contract(parse_contract(Path(sys.argv[1]).read_bytes(), "yaml")).compiled_hash.hex())
"""


def run(program: str, *arguments: str, seed: str = "random") -> str:
    environment = os.environ | {"PYTHONHASHSEED": seed}
    done = subprocess.run(  # noqa: S603 -- our own interpreter and our own program
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        check=True,
        env=environment,
        text=True,
    )
    return done.stdout.strip()


def example() -> Contract:
    contract = parse_contract(EXAMPLE.read_bytes(), "yaml")
    assert isinstance(contract, Contract)
    return contract


def test_the_compiled_hash_is_the_same_in_every_process() -> None:
    hashes = {run(PROGRAM, str(EXAMPLE), seed=seed) for seed in ("0", "1", "2")}
    assert hashes == {compile_contract(example()).compiled_hash.hex()}


def test_the_compiled_hash_of_the_example_is_the_recorded_one_of_this_compiler() -> None:
    assert compile_contract(example()).compiled_hash.hex() == GOLDEN


def test_the_order_of_tools_makes_no_difference() -> None:
    turned = msgspec.structs.replace(example(), tools=example().tools[::-1])
    assert compile_contract(turned) == compile_contract(example())
    assert contract_hash(turned) == contract_hash(example())


def test_any_change_of_a_rule_changes_the_hash() -> None:
    document = yaml.safe_load(EXAMPLE.read_text("utf-8"))
    document["tools"][4]["arguments"][0]["lte"] = 50001
    changed = read_contract(document)
    assert isinstance(changed, Contract)
    assert compile_contract(changed).compiled_hash != compile_contract(example()).compiled_hash
    assert contract_hash(changed) != contract_hash(example())


def test_every_projection_is_canonical() -> None:
    compiled = compile_contract(example())
    for projection in (compiled.review, compiled.runtime, compiled.compat):
        assert foreign.encode(foreign.parse(projection)) == projection


def test_the_compatibility_projection_is_a_contract_that_compiles_to_itself() -> None:
    compiled = compile_contract(example())
    again = parse_contract(compiled.compat, "json")
    assert isinstance(again, Contract)
    assert compile_contract(again) == compiled


def test_the_review_names_every_rule_of_the_contract() -> None:
    review = json.loads(compile_contract(example()).review)
    named = {line["rule"] for line in review["rules"]}
    assert {
        "session.gate",
        "session.unmatched_tools",
        "session.risk_defaults.read",
        "tools.close_case.phases.advances_to",
        "tools.issue_refund.arguments[0].gte",
        "tools.issue_refund.arguments[0].lte",
        "tools.issue_refund.checkpoint",
        "tools.issue_refund.decision",
        "tools.issue_refund.effect_key",
        "tools.issue_refund.forbidden_after[0]",
        "tools.issue_refund.input_schema",
        "tools.issue_refund.phases",
        "tools.issue_refund.requires[0]",
        "tools.issue_refund.start",
        "tools.issue_refund.redact",
        "tools.issue_refund.timeouts.total_ms",
        "tools.issue_refund.volatile",
    } <= named


def test_another_compiler_version_is_refused_by_name() -> None:
    with pytest.raises(CompilerVersionUnknownError, match="`0` is needed"):
        compile_contract(example(), "0")


def test_a_loaded_policy_knows_its_schemas_by_their_hash() -> None:
    policy = load_policy(compile_contract(example()).runtime)
    assert policy.initial_phase == "intake"
    assert all(len(tool.schema_hash or b"") == 32 for tool in policy.tools.values())
    assert policy.tools["lookup_order"].schema_hash == policy.tools["get_refund"].schema_hash
    assert policy.tools["issue_refund"].start_required
    assert not policy.tools["lookup_order"].start_required


def broken(**change: Any) -> bytes:  # noqa: ANN401 -- any wrong value
    document = json.loads(compile_contract(example()).runtime)
    tool = document["tools"]["issue_refund"]
    for key, value in change.items():
        (tool if key in tool else document)[key] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "projection",
    [
        b"",
        b"{}",
        b"[]",
        broken(compiler_version="0"),
        broken(libraries={"jsonschema-rs": "0.59"}),
        broken(gate="open"),
        broken(tools={"a": {}}),
        broken(arguments=[{"path": "amount", "lte": 1}]),
        broken(arguments=[{"path": "$.amount_cents", "at_most": 1}]),
        broken(arguments=[{"path": "$.amount_cents", "lte": 1.5}]),
        broken(arguments=[{"path": "$.order_id", "matches": "("}]),
        broken(requires=[{"tool": "lookup_order", "same": [{"ours": "$.a"}]}]),
        broken(requires=[{"tool": "lookup_order", "same": [{"ours": "$.a[*]", "theirs": "$.a"}]}]),
        broken(effect_key=["$..a"]),
        broken(input_schema={"$ref": "https://example.org/"}),
        broken(input_schema={"type": "nothing"}),
    ],
)
def test_a_projection_that_cannot_be_decided_by_is_refused(projection: bytes) -> None:
    with pytest.raises(PolicyLoadError):
        load_policy(projection)


def test_no_file_is_read_for_a_schema(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("true")
    with pytest.raises(PolicyLoadError):
        load_policy(broken(input_schema={"$ref": other.as_uri()}))


def test_the_installed_library_is_the_one_that_is_compiled_for() -> None:
    assert library_version().startswith(f"{LIBRARIES['jsonschema-rs']}.")


def test_reading_decisions_needs_no_compiled_library() -> None:
    program = """
import sys
import placet.policy.evaluate, placet.policy.load, placet.policy.narrow, placet.policy.text.parse
import placet.policy.checks.check, placet.policy.remember, placet.policy.compile
print(sorted({"jsonschema_rs", "yaml", "cel_expr_python"} & set(sys.modules)))
"""
    assert run(program) == "[]"
