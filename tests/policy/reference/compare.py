"""The same contract and calls through the package and through the oracle, in one form."""

import json
from typing import Any, Final

import msgspec
from tests.policy.reference import oracle
from tests.policy.reference.operators import Doc

from placet.kernel import foreign
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract
from placet.policy.simulation.lines import read_line
from placet.policy.simulation.run import simulate
from placet.policy.text.parse import read_contract

COMPARED: Final = frozenset(
    {
        "principal",
        "no_contract",
        "denied",
        "wrong_phase",
        "forbidden_in_state",
        "precondition_not_met",
        "arguments_malformed",
        "effect_key_missing",
        "effect_key_taken",
        "steps_exhausted",
        "calls_exhausted",
        "tool_calls_exhausted",
        "cost_exhausted",
        "loop_detected",
        "phase_conflict",
        "response_refused",
    }
)
"""Codes that the page of the language fixes, or that tell the rules of one layer apart."""


def policy_of(contract: Doc) -> Policy:
    """Read, compile and load a contract."""
    bound = read_contract(json.loads(json.dumps(contract)))
    assert isinstance(bound, Contract), bound
    return load_policy(compile_contract(bound).runtime)


def told(contract: Doc, lines: list[Doc]) -> list[Doc]:
    """Return what the package prints for a file of calls, as plain documents."""
    read = [read_line(foreign.encode(line)) for line in lines]
    rows = simulate(policy_of(contract), read)
    return [_plain(msgspec.to_builtins(row)) for row in rows]


def expected(contract: Doc, lines: list[Doc]) -> list[Doc]:
    """Return what the oracle says that should be printed, in the same form."""
    return comparable(oracle.simulate(contract, lines))


def comparable(rows: list[Doc]) -> list[Doc]:
    """Return what the oracle prints in the form that is compared."""
    return [_comparable(row, row.get("reasons", [])) for row in rows]


def _plain(row: Doc) -> Doc:
    return _comparable(row, [reason["code"] for reason in row.get("reasons", [])])


def _comparable(row: Doc, codes: list[str]) -> Doc:
    """Leave of the reasons what is fixed, and of `unjudged` that it is there."""
    if "summary" in row:
        return row
    reasons: dict[str, Any] = {"reasons": sorted(COMPARED.intersection(codes))}
    reasons["has_reasons"] = bool(codes)
    return row | reasons | {"unjudged": "unjudged" in row}


def difference(ours: list[Doc], theirs: list[Doc]) -> tuple[Doc, Doc] | None:
    """Return the first lines that differ, the package's and the oracle's, or null."""
    if len(ours) != len(theirs):
        return {"lines": len(ours)}, {"lines": len(theirs)}
    pairs = zip(ours, theirs, strict=True)
    return next(((one, other) for one, other in pairs if one != other), None)
