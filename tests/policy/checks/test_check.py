"""The table of findings: one change to a sound contract, and what it brings."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from placet.kernel.principal import Environment
from placet.policy.checks.check import check_contract, stops
from placet.policy.compile import compile_contract
from placet.policy.finding import Strength
from placet.policy.load import load_policy
from placet.policy.model import Contract
from placet.policy.text.parse import (
    read_contract,
)

TABLE = yaml.safe_load((Path(__file__).parent / "changes.yaml").read_text("utf-8"))


def changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(document)
    for place, value in changes.items():
        *steps, last = (int(step) if step.isdecimal() else step for step in place.split("."))
        here: Any = document
        for step in steps:
            here = here.setdefault(step, []) if isinstance(here, dict) else here[step]
        if value is None:
            del here[last]
        elif isinstance(here, list) and last == len(here):
            here.append(value)
        else:
            here[last] = value
    return document


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["name"])
def test_a_change_brings_exactly_the_findings_of_the_table(case: dict[str, Any]) -> None:
    contract = read_contract(changed(TABLE["contract"], case.get("set", {})))
    assert isinstance(contract, Contract), contract
    environment = Environment(case["environment"]) if "environment" in case else None
    strength = {tool: Strength(it) for tool, it in case.get("strength", {}).items()}
    found = check_contract(contract, environment, strength)
    assert sorted([str(one.severity), one.code, one.path] for one in found) == sorted(
        case["expect"]
    )
    assert stops(found) is any(severity != "advisory" for severity, _, _ in case["expect"])


@pytest.mark.parametrize(
    "case",
    [case for case in TABLE["cases"] if all(it[0] != "error" for it in case["expect"])],
    ids=lambda case: case["name"],
)
def test_a_contract_without_errors_can_be_compiled_and_loaded(case: dict[str, Any]) -> None:
    contract = read_contract(changed(TABLE["contract"], case.get("set", {})))
    assert isinstance(contract, Contract)
    assert set(load_policy(compile_contract(contract).runtime).tools) == {
        tool.tool for tool in contract.tools
    }
