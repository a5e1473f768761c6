"""Which facts a contract decides by: no rule may be used where its facts are not kept."""

from typing import Any

import pytest
from tests.studio.story import LOOKUP, contract

from placet.kernel import foreign
from placet.kernel.principal import Environment
from placet.policy.compile import compile_contract
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract, Limits, SessionRules
from placet.policy.needs import Need, contract_needs
from placet.policy.text.parse import read_contract
from placet.replay.sessions.model import SUPPLIED
from placet.replay.sessions.policies import check_needs
from placet.replay.sessions.refusals import ArtifactDoubtful
from placet.studio.snapshots.rules import check_memory

RULES: dict[str, tuple[Need, object]] = {
    "principals": (Need.PRINCIPAL, [{"effect": "allow", "tools": ["*"]}]),
    "bindings": (Need.SLOTS, [{"slot": "total", "write": "once"}]),
    "aggregates": (
        Need.AGGREGATES,
        [{"name": "many", "tool": "lookup_order", "op": "count", "lte": 5}],
    ),
    "envelopes": (
        Need.ENVELOPES,
        [{"name": "wide", "tool": "lookup_order", "path": "$.n", "within_ratio_of_first": 2}],
    ),
    "labels": (Need.LABELS, [{"when": {"fraud": "true"}, "deny": ["*"]}]),
}
LIMITS: dict[str, tuple[Need, object]] = {
    "max_steps": (Need.STEPS, 5),
    "max_cost_micros": (Need.COST, 5),
    "max_unguarded_calls": (Need.UNGUARDED, 5),
    "max_seconds": (Need.TIME, 5),
    "loop": (Need.REPEATS, {"window": 5, "threshold": 3}),
    "circuit_breaker": (Need.OUTCOMES, {"consecutive_errors": 3}),
}
NEEDS_NOTHING = {
    *("phases", "transitions", "risk_defaults", "unmatched_tools", "gate", "limits"),
    *("max_tool_calls", "max_calls_per_tool"),
}
CASES = [
    *(({name: given}, need) for name, (need, given) in RULES.items()),
    *(({"limits": {name: given}}, need) for name, (need, given) in LIMITS.items()),
]


def read(document: dict[str, Any]) -> Contract:
    found = read_contract(document)
    assert isinstance(found, Contract), found
    return found


def loaded(document: dict[str, Any]) -> Policy:
    return load_policy(compile_contract(read(document)).runtime)


def test_every_rule_of_a_session_is_known_to_need_a_fact_or_none() -> None:
    keys = {*SessionRules.__struct_fields__, *Limits.__struct_fields__}
    assert keys == NEEDS_NOTHING | RULES.keys() | LIMITS.keys()


@pytest.mark.parametrize(("session", "need"), CASES, ids=lambda given: str(given)[:40])
def test_a_rule_needs_its_fact_in_the_contract_and_in_the_policy(
    session: dict[str, Any], need: Need
) -> None:
    document = contract(LOOKUP, **session)
    assert [found for found, _ in contract_needs(read(document))] == [need]
    assert loaded(document).needs == {need}


@pytest.mark.parametrize("need", [Need.PRINCIPAL, Need.LABELS, Need.SLOTS])
def test_a_condition_needs_the_facts_that_it_names(need: Need) -> None:
    tool = LOOKUP | {"when": f"args.n > 1 && !('x' in {need.value})"}
    assert loaded(contract(tool)).needs == {need}


def test_a_condition_on_arguments_and_phase_needs_nothing() -> None:
    tool = LOOKUP | {"when": "args.n > 1 && phase == ''"}
    assert loaded(contract(tool)).needs == frozenset()


def test_sessions_keep_every_fact_that_a_rule_may_need() -> None:
    assert set(Need) == SUPPLIED


@pytest.mark.parametrize(("session", "need"), CASES, ids=lambda given: str(given)[:40])
def test_what_sessions_do_not_keep_is_neither_approved_nor_decided_by(
    session: dict[str, Any], need: Need
) -> None:
    document = contract(LOOKUP, **session)
    for supplied in (SUPPLIED, SUPPLIED - {need}):
        is_kept = need in supplied
        found = check_memory(foreign.encode(document), Environment.STAGING, supplied)
        assert ("not_enforced" in {finding.code for finding in found}) is not is_kept
        if is_kept:
            check_needs(loaded(document), supplied)
        else:
            with pytest.raises(ArtifactDoubtful):
                check_needs(loaded(document), supplied)


@pytest.mark.parametrize("scope", ["agent", "principal", "tenant"])
@pytest.mark.parametrize(
    "bounds",
    [
        {"op": "count", "lte": 5},
        {"op": "sum", "path": "$.n", "lte": 5, "gt": 1},
        {"op": "max", "path": "$.n", "lte": 5},
        {"op": "min", "path": "$.n", "gte": 5},
        {"op": "distinct", "path": "$.n", "lte": 5},
    ],
)
def test_an_aggregate_beyond_a_session_needs_what_is_beyond_it(
    scope: str, bounds: dict[str, Any]
) -> None:
    rule = {"name": "many", "tool": "lookup_order", "scope": scope, **bounds}
    whom = {Need.PRINCIPAL} if scope == "principal" else set()
    document = contract(LOOKUP, aggregates=[rule])
    assert loaded(document).needs == {Need.AGGREGATES, Need.WIDER} | whom
    assert {one for one, _ in contract_needs(read(document))} == {
        Need.AGGREGATES,
        Need.WIDER,
    } | whom
