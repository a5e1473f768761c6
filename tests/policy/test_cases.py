"""The case tables: what a reviewer can read is what the evaluator answers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import yaml

from placet.kernel import foreign
from placet.policy.compile import compile_contract
from placet.policy.decision import Ask, Deny
from placet.policy.evaluate import evaluate, evaluate_response
from placet.policy.facts import Call, CommittedCall, Facts, Status
from placet.policy.load import load_policy
from placet.policy.loaded import Policy
from placet.policy.model import Contract, Rule
from placet.policy.operators import operators
from placet.policy.paths import select
from placet.policy.remember import effect_key_hash, project
from placet.policy.response import CallVerdict
from placet.policy.schemas.engine import compile_pattern
from placet.policy.text.parse import read_contract

CASES = Path(__file__).parent / "cases"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def table(name: str) -> Any:  # noqa: ANN401 -- YAML holds anything
    return yaml.safe_load((CASES / name).read_text("utf-8"))


def policy_of(document: dict[str, Any], **session: object) -> Policy:
    changed = document | {"session": document["session"] | session}
    contract = read_contract(changed)
    assert isinstance(contract, Contract), contract
    return load_policy(compile_contract(contract).runtime)


def call_of(given: list[str], index: int = 0) -> Call:
    return Call(tool=given[0], arguments=given[1].encode(), call_id=UUID(int=index))


OPERATOR_CASES = [
    pytest.param(case["rule"], document, holds, id=f"{case['rule']} {document}")
    for case in table("operators.yaml")
    for holds, documents in ((True, case["holds"]), (False, case["fails"]))
    for document in documents
]


@pytest.mark.parametrize(("rule", "document", "holds"), OPERATOR_CASES)
def test_a_rule_holds_for_exactly_the_documents_it_should(
    rule: dict[str, object], document: str, *, holds: bool
) -> None:
    made = operators(msgspec.convert(rule, Rule), "rule", compile_pattern)
    value = foreign.parse(document.encode())
    found = all(one.fault(select(one.path, value)) is None for one in made)
    assert found is holds


def facts_of(policy: Policy, given: dict[str, Any], call: Call) -> Facts:
    committed: dict[str, tuple[CommittedCall, ...]] = {}
    for index, one in enumerate(given.get("committed", [])):
        output = one.get("output")
        kept = project(policy, one["tool"], one["arguments"].encode(), output and output.encode())
        committed[one["tool"]] = (
            *committed.get(one["tool"], ()),
            CommittedCall(
                call_id=UUID(int=1000 + index),
                committed_at=NOW - timedelta(seconds=one["ago"]),
                arguments=kept.arguments,
                output=kept.output,
            ),
        )
    taken = (effect_key_hash(policy, tool, text.encode()) for tool, text in given.get("taken", []))
    assert call.call_id is not None
    return Facts(
        now=NOW,
        status=Status(given.get("status", "active")),
        phase=given.get("phase", "intake"),
        committed=committed,
        counted=given.get("counted", {}),
        effect_keys_taken=frozenset(key for key in taken if key is not None),
        approved=frozenset({call.call_id} if given.get("approved") else ()),
    )


DECISIONS = table("decisions.yaml")


@pytest.mark.parametrize("case", DECISIONS["cases"], ids=lambda case: case["name"])
def test_a_call_is_decided_as_the_table_says(case: dict[str, Any]) -> None:
    policy = policy_of(DECISIONS["contract"], **case.get("contract", {}))
    call = call_of(case["call"])
    decision = evaluate(policy, facts_of(policy, case.get("facts", {}), call), call)
    verdict, *rest = case["expect"]
    layer, codes = (rest[0], rest[1:]) if rest else (None, [])
    assert type(decision).__name__.lower() == verdict
    assert decision.layer == layer
    assert [str(reason.code) for reason in decision.reasons] == codes
    if "rule" in case:
        assert decision.rule == case["rule"]
    for name, at in (("from", decision.holds_from), ("until", decision.holds_until)):
        if name in case:
            assert at == NOW + timedelta(seconds=case[name])


RESPONSES = table("responses.yaml")


def outcome_of(verdict: CallVerdict) -> str:
    states = {
        "granted": verdict.granted,
        "held": verdict.held,
        f"blocked:{verdict.blocked_why}": verdict.blocked_why is not None,
    }
    held = [name for name, is_so in states.items() if is_so]
    if not held:
        assert isinstance(verdict.decision, Ask)
        return "awaits"
    assert len(held) == 1, held
    return held[0]


@pytest.mark.parametrize("case", RESPONSES["cases"], ids=lambda case: case["name"])
def test_a_response_is_decided_as_the_table_says(case: dict[str, Any]) -> None:
    policy = policy_of(RESPONSES["contract"], gate=case["gate"])
    calls = [call_of(given, index) for index, given in enumerate(case["calls"])]
    approved = frozenset(UUID(int=index) for index in case.get("approved", []))
    facts = Facts(now=NOW, phase=case.get("phase", "one"), approved=approved)
    decided = evaluate_response(policy, facts, calls)
    assert [outcome_of(verdict) for verdict in decided.calls] == case["expect"]
    for index, codes in case.get("codes", {}).items():
        assert [str(reason.code) for reason in decided.calls[index].reasons] == codes
    if "text" in case:
        assert decided.becomes_text is case["text"]
    for verdict in decided.calls:
        assert (verdict.blocked_why == "rule") is isinstance(verdict.decision, Deny)
