"""Sentences that a person can act on: of a contract, and of a decision."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from placet.policy.compile import compile_contract
from placet.policy.decision import Allow, Code, Deny, Reason
from placet.policy.evaluate import evaluate
from placet.policy.explain import (
    LAYERS,
    SAYS_MAX,
    explain_contract,
    explain_decision,
    explained_text,
)
from placet.policy.facts import Call, Facts, Status
from placet.policy.load import load_policy
from placet.policy.model import Contract
from placet.policy.review import review_document
from placet.policy.text.parse import parse_contract

EXAMPLE = Path(__file__).parent / "example.yaml"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
GIVEN = "4111"


def example() -> Contract:
    contract = parse_contract(EXAMPLE.read_bytes(), "yaml")
    assert isinstance(contract, Contract)
    return contract


def explained(tool: str, arguments: dict[str, Any], **facts: Any) -> str:  # noqa: ANN401 -- any fact
    """Explain the decision on one call in a session of the support desk."""
    known: dict[str, Any] = {
        "now": NOW,
        "started_at": NOW,
        "phase": "verified",
        "principal": {"department": "support", "on_probation": False},
    }
    call = Call(tool=tool, arguments=json.dumps(arguments).encode())
    policy = load_policy(compile_contract(example()).runtime)
    return explain_decision(tool, evaluate(policy, Facts(**known | facts), call))


def test_every_rule_that_is_reviewed_is_explained() -> None:
    contract = example()
    found = explain_contract(contract)
    told = {(line.rule, line.says) for line in found.session}
    told |= {(line.rule, line.says) for tool in found.tools for line in tool.lines}
    rules: Any = review_document(contract)["rules"]
    assert {(line["rule"], line["says"]) for line in rules} == told


def test_a_tool_is_explained_in_the_order_of_the_layers() -> None:
    for tool in explain_contract(example()).tools:
        layers = [len(LAYERS) + 1 if line.layer is None else line.layer for line in tool.lines]
        assert layers == sorted(layers)


def test_what_the_session_says_of_a_tool_stands_with_the_tool_and_with_no_other() -> None:
    lines = {
        tool.tool: {line.rule for line in tool.lines} for tool in explain_contract(example()).tools
    }
    of_refund = {
        "session.principals[0]",
        "session.principals[1]",
        "session.aggregates[0]",
        "session.envelopes[0]",
        "session.labels[0]",
        "session.limits.max_calls_per_tool.issue_refund",
    }
    assert of_refund <= lines["issue_refund"]
    assert of_refund & lines["lookup_order"] == {"session.principals[0]"}


@pytest.mark.parametrize(
    ("tool", "ruling"),
    [("lookup_order", "allow"), ("issue_refund", "ask"), ("change_payout_account", "allow")],
)
def test_a_tool_is_headed_by_what_becomes_of_a_call_that_breaks_no_rule(
    tool: str, ruling: str
) -> None:
    found = {one.tool: str(one.ruling) for one in explain_contract(example()).tools}
    assert found[tool] == ruling


def test_a_checkpoint_alone_makes_a_tool_asked_about() -> None:
    document = msgspec.to_builtins(example())
    del document["tools"][4]["decision"]
    document["session"]["risk_defaults"]["financial"] = "allow"
    contract = parse_contract(json.dumps(document).encode(), "json")
    assert isinstance(contract, Contract)
    assert str(explain_contract(contract).tools[4].ruling) == "ask"


def test_the_text_of_one_tool_has_no_line_of_another() -> None:
    found = explain_contract(example())
    text = explained_text(found, "lookup_order")
    assert text.startswith("lookup_order: read, allowed where its rules hold\n")
    assert "tools.issue_refund" not in text
    assert "tools.issue_refund" in explained_text(found)


def test_a_line_of_the_text_is_short_however_long_the_rule() -> None:
    for line in explained_text(explain_contract(example())).splitlines():
        says = line.rpartition("  [")[0].strip()
        assert len(says) <= SAYS_MAX + 5


def test_a_denial_says_the_layer_the_rule_what_is_there_and_what_would_be_needed() -> None:
    text = explained("close_case", {"case_id": 1})
    assert text.startswith("`close_case` is denied in layer 6, the arguments\n")
    assert "`$.case_id`: the value is not of type" in text
    assert "(schema_violated)" in text
    text = explained("change_payout_account", {})
    assert "the session is in `verified`" in text
    assert "needed: the session is in `intake`" in text
    assert "rule:   tools.change_payout_account.phases.valid_in (wrong_phase)" in text


def test_every_reason_of_the_failing_layer_is_told() -> None:
    counted = {"change_payout_account": 1}
    text = explained("issue_refund", {}, phase="intake", counted=counted)
    assert "tools.issue_refund.phases.valid_in (wrong_phase)" in text
    assert "tools.issue_refund.forbidden_after[0] (forbidden_in_state)" in text


def test_no_value_of_the_arguments_is_told() -> None:
    given = {"order_id": GIVEN, "amount_cents": GIVEN, "card_number": [GIVEN], "more": GIVEN}
    for tool in ("lookup_order", "issue_refund", "close_case"):
        text = explained(tool, given, phase="intake" if tool == "lookup_order" else "verified")
        assert "needed: " in text
        assert GIVEN not in text


def test_an_ask_says_who_is_needed_and_until_when() -> None:
    text = explain_ask()
    assert text.startswith("`issue_refund` waits for people")
    assert "needed: a yes of 1 approver" in text
    assert "until:  900 s after the call, or it is a no" in text


def explain_ask() -> str:
    document = msgspec.to_builtins(example())
    document["tools"][4]["requires"] = []
    document["tools"][4]["arguments"] = []
    contract = parse_contract(json.dumps(document).encode(), "json")
    assert isinstance(contract, Contract)
    policy = load_policy(compile_contract(contract).runtime)
    facts = Facts(
        now=NOW,
        started_at=NOW,
        phase="verified",
        principal={"department": "support", "on_probation": False},
    )
    given = json.dumps({"order_id": "ord_12345678", "amount_cents": 100}).encode()
    call = Call(tool="issue_refund", arguments=given)
    return explain_decision("issue_refund", evaluate(policy, facts, call))


def test_an_allowance_names_the_rule_that_allows() -> None:
    assert explain_decision("x", Allow(rule="tools.x.decision")) == (
        "`x` is allowed (tools.x.decision)"
    )


@pytest.mark.parametrize("code", Code)
def test_every_refusal_of_a_whole_session_says_what_would_be_needed(code: Code) -> None:
    reason = Reason(code=code, rule="r", detail="d", needs="")
    text = explain_decision("x", Deny(rule="r", layer=1, reasons=(reason,)))
    is_sessions = str(code).startswith("session_") or code in {
        Code.MANUAL_FILTER,
        Code.NO_CONTRACT,
        Code.EVALUATION_FAILED,
    }
    assert ("needed: " in text) is is_sessions


def test_a_killed_session_is_told_to_begin_anew() -> None:
    assert "needed: a new session" in explained("lookup_order", {}, status=Status.KILLED)


def test_a_decision_without_a_layer_is_told_without_one() -> None:
    reason = Reason(code=Code.EVALUATION_FAILED, rule="evaluator", detail="it ended")
    text = explain_decision("x", Deny(rule="evaluator", reasons=(reason,)))
    assert text.splitlines()[0] == "`x` is denied"
