"""Which rules have evidence, what calls say about each, and how fresh that is."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest
from tests.replay.desk import CONTRACT

from placet.policy.compile import Compiled, compile_contract
from placet.policy.model import Contract
from placet.replay.calls.model import Verdict
from placet.replay.observed.model import DecidedCalls, ToolCalls
from placet.studio.rule_evidence import rules
from placet.studio.rule_evidence.model import (
    CapturedCalls,
    Freshness,
    GovernedRule,
    RuleCount,
    RuleFamily,
)
from placet.studio.snapshots.rules import read_memory

NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
BEFORE: Final = NOW - timedelta(hours=1)
SESSION: Final[dict[str, Any]] = CONTRACT["session"] | {
    "limits": {"max_tool_calls": 9, "max_seconds": 60, "max_calls_per_tool": {"note": 2}},
    "principals": [
        {"effect": "allow", "tools": ["*"], "where": {"team": "refunds"}},
        {"effect": "deny", "tools": ["issue_refund"], "where": {"new": True}},
    ],
    "aggregates": [
        {"name": "paid", "tool": "issue_refund", "op": "sum", "path": "$.amount_cents", "lte": 9}
    ],
    "labels": [{"when": {"fraud": "yes"}, "deny": ["issue_refund", "note"]}],
}


def compiled(**more: object) -> Compiled:
    contract = read_memory(msgspec.json.encode(CONTRACT | more))
    assert isinstance(contract, Contract)
    return compile_contract(contract)


def governed(**more: object) -> list[GovernedRule]:
    made = compiled(**more)
    return rules.governed_rules(made.review, made.runtime)


def decided(
    tool: str,
    layer: int | None = None,
    *places: str,
    verdict: Verdict = Verdict.DENY,
    times: int = 1,
) -> DecidedCalls:
    return DecidedCalls(
        tool=tool,
        verdict=verdict,
        layer=layer,
        codes=["x"],
        rules=list(places),
        times=times,
        last_at=NOW,
    )


def told(
    calls: Sequence[DecidedCalls] = (),
    succeeded: Sequence[ToolCalls] = (),
    captured: Sequence[CapturedCalls] = (),
) -> dict[str, RuleCount]:
    counts = rules.weigh(governed(), calls, succeeded, captured)
    return {count.rule: count for count in counts}


def test_rules_that_decide_nothing_about_a_call_have_no_evidence() -> None:
    names = {rule.rule for rule in governed(session=SESSION)}
    assert not names & {
        "session.gate",
        "session.phases[0]",
        "session.transitions.intake",
        "session.limits.max_seconds",
        "tools.note.timeouts.total_ms",
    }
    assert "tools.issue_refund.arguments[0].lte" in names


def test_a_rule_of_the_session_is_about_the_tools_that_it_names() -> None:
    found = {rule.rule: rule for rule in governed(session=SESSION)}
    every = frozenset(tool["tool"] for tool in CONTRACT["tools"])
    assert {name: found[name].tools for name in found if name.startswith("session.")} == {
        "session.unmatched_tools": frozenset(),
        "session.limits.max_tool_calls": every,
        "session.limits.max_calls_per_tool.note": {"note"},
        "session.principals": every,
        "session.principals[0]": every,
        "session.principals[1]": {"issue_refund"},
        "session.aggregates[0]": {"issue_refund"},
        "session.labels[0]": {"issue_refund", "note"},
        "session.risk_defaults.read": {"lookup_order"},
        "session.risk_defaults.write": {"change_payout_account", "close_case", "note"},
    }
    refusing = {rule.rule for rule in found.values() if rule.is_refusing}
    assert refusing == {"session.unmatched_tools", "tools.delete_customer.decision"}


def test_a_refusal_speaks_against_its_rule_and_reaches_the_layers_before() -> None:
    found = told([decided("issue_refund", 6, "tools.issue_refund.arguments[0].lte", times=3)])
    assert found["tools.issue_refund.arguments[0].lte"].contradictions == 3
    assert found["tools.issue_refund.arguments[0].gte"] == RuleCount(
        rule="tools.issue_refund.arguments[0].gte"
    )
    assert found["tools.issue_refund.requires[0]"].last_at == NOW
    assert found["tools.issue_refund.effect_key"].last_at is None
    assert {count.support for count in found.values()} == {0}


@pytest.mark.parametrize(
    ("tool", "layer", "place", "rule"),
    [
        (
            "note",
            6,
            "tools.note.input_schema/properties/text/type",
            "tools.note.input_schema",
        ),
        ("close_case", 4, "tools.close_case.phases.valid_in", "tools.close_case.phases"),
        (
            "close_case",
            4,
            "tools.close_case.phases.advances_to",
            "tools.close_case.phases.advances_to",
        ),
        (
            "issue_refund",
            5,
            "tools.issue_refund.requires[0].output[0].equals",
            "tools.issue_refund.requires[0]",
        ),
        ("nowhere", 3, "session.unmatched_tools", "session.unmatched_tools"),
    ],
)
def test_a_part_of_a_rule_that_failed_speaks_against_the_rule(
    tool: str, layer: int, place: str, rule: str
) -> None:
    found = told([decided(tool, layer, place, place, times=2)])
    assert {name: c.contradictions for name, c in found.items() if c.contradictions} == {rule: 2}


def test_arguments_that_cannot_be_read_speak_against_no_rule() -> None:
    found = told([decided("issue_refund", 6, "tools.issue_refund.arguments")])
    assert {count.contradictions for count in found.values()} == {0}


def test_an_allowed_or_asked_call_reaches_every_rule_and_supports_none_before_it_succeeds() -> None:
    calls = [
        decided("note", verdict=Verdict.ALLOW),
        decided("escalate", 11, "tools.escalate.decision", verdict=Verdict.ASK),
    ]
    found = told(calls)
    assert found["tools.note.input_schema"] == RuleCount(
        rule="tools.note.input_schema", last_at=NOW
    )
    assert found["tools.escalate.checkpoint"].last_at == NOW
    assert {(count.support, count.contradictions) for count in found.values()} == {(0, 0)}
    supported = told(calls, [ToolCalls(tool="note", times=4, last_at=BEFORE)])
    assert supported["tools.note.input_schema"] == RuleCount(
        rule="tools.note.input_schema", support=4, last_at=NOW
    )


def test_a_captured_call_speaks_of_ruling_and_arguments_alone() -> None:
    kept = CapturedCalls(tool="issue_refund", layer=None, rules=(), times=2, last_at=NOW)
    found = told(captured=[kept])
    assert {name for name, count in found.items() if count.support} == {
        "tools.issue_refund.decision",
        "tools.issue_refund.input_schema",
        "tools.issue_refund.arguments[0].gte",
        "tools.issue_refund.arguments[0].lte",
    }


@pytest.mark.parametrize(
    ("family", "days", "freshness"),
    [
        (RuleFamily.ARGUMENT, 30, Freshness.FRESH),
        (RuleFamily.ARGUMENT, 31, Freshness.AGEING),
        (RuleFamily.ARGUMENT, 60, Freshness.AGEING),
        (RuleFamily.ARGUMENT, 61, Freshness.STALE),
        (RuleFamily.PHASE, 60, Freshness.FRESH),
        (RuleFamily.PRINCIPAL, 181, Freshness.AGEING),
        (RuleFamily.RULING, 181, Freshness.STALE),
    ],
)
def test_evidence_ages_by_the_half_life_of_its_family(
    family: RuleFamily, days: int, freshness: Freshness
) -> None:
    assert rules.freshness_of(family, NOW - timedelta(days=days), NOW) is freshness


def test_what_was_never_observed_is_never_fresh() -> None:
    assert {rules.freshness_of(family, None, NOW) for family in RuleFamily} == {Freshness.NEVER}
    assert set(rules.HALF_LIVES) == set(RuleFamily) == set(rules.FAMILIES.values())


def test_many_rules_and_many_sorts_of_calls_are_weighed_in_no_time() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    many = [
        GovernedRule(
            rule=f"tools.t{tool}.arguments[{index}].lte",
            layer=6,
            family=RuleFamily.ARGUMENT,
            tools=frozenset({f"t{tool}"}),
        )
        for tool in range(500)
        for index in range(8)
    ]
    calls = [
        DecidedCalls(
            tool=f"t{n % 500}",
            verdict=Verdict.DENY,
            layer=6,
            codes=["x"],
            rules=[f"tools.t{n % 500}.arguments[{n % 8}].lte"],
            times=1,
            last_at=at,
        )
        for n in range(5_000)
    ]
    began = time.process_time()
    counts = rules.weigh(many, calls, [], [])
    assert time.process_time() - began < 1
    assert sum(count.contradictions for count in counts) == len(calls)
