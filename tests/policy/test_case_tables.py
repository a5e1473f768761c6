"""Reading case tables: what is refused, and what a case's facts and defaults come to."""

import json
from typing import Any

import pytest

from placet.policy.cases.judge import Result, judge
from placet.policy.cases.read import read_table
from placet.policy.cases.table import Table
from placet.policy.cases.trials import trials
from placet.policy.finding import Finding

CONTRACT: dict[str, Any] = {
    "schema_version": "1",
    "agent": "desk",
    "tools": [
        {
            "tool": "pay",
            "side_effect": "write",
            "evidence_class": "ack_only",
            "commit_requirement": "acknowledged",
            "decision": "allow",
            "arguments": [{"path": "$.amount", "lte": 5}],
            "effect_key": ["$.id"],
        }
    ],
}
HEAD = f"contract: {json.dumps(CONTRACT)}\n"
CALL = "call: {tool: pay, arguments: {id: a, amount: 5}}"
GOOD = f"cases:\n  - {{name: one, {CALL}, expect: {{verdict: allow}}}}\n"


def findings(text: str) -> list[Finding]:
    """Return what keeps a text from being tried."""
    table = read_table(text.encode(), "yaml")
    if isinstance(table, list):
        return table
    return trials(table)[1]


def results(text: str) -> list[Result]:
    table = read_table(text.encode(), "yaml")
    assert isinstance(table, Table), table
    made, faults = trials(table)
    assert not faults, faults
    return [judge(one) for one in made]


def case(rest: str) -> str:
    """Return a table with one case, which stands in its third line."""
    return f"{HEAD}cases:\n  - {{name: one, {rest}}}\n"


def test_a_table_is_read_and_its_case_is_known_by_its_line() -> None:
    assert [(one.name, one.line, one.is_passed) for one in results(HEAD + GOOD)] == [
        ("one", 3, True)
    ]


REFUSED = {
    "": "the text is empty",
    "[]": "this is a list; a mapping is wanted",
    HEAD: "this mapping needs the key `cases`",
    f"{HEAD}cases: []": "the list needs at least 1",
    f"{HEAD}casse: []\n{GOOD}": "`casse` is no key of this mapping",
    GOOD: "the table has no `contract`",
    HEAD + GOOD.replace("name: one, ", ""): "this mapping needs the key `name`",
    HEAD + GOOD.replace("one", '""', 1): "the string is empty",
    HEAD + GOOD + GOOD.removeprefix("cases:\n"): "the name `one` stands twice",
    case("expect: {verdict: allow}"): "a case has one of call, calls, narrow, rule",
    case(f"{CALL}, narrow: all, expect: {{verdict: allow}}"): "a case has one of",
    case(CALL): "the case expects nothing",
    case(f"{CALL}, expect: {{}}"): "`expect` needs `verdict`",
    case(f"{CALL}, expect: {{verdict: maybe}}"): "`maybe` is none of allow, ask, deny",
    case(f"{CALL}, expect: {{verdict: deny}}"): "a denial needs `codes` or `reasons`",
    case(f"{CALL}, expect: {{verdict: deny, codes: [lte]}}"): "`lte` is none of session_killed",
    case(f"{CALL}, expect: {{verdict: deny, codes: [denied], reasons: []}}"): "not both",
    case(f"{CALL}, expect: {{verdict: allow, layer: 12}}"): "at most 11 is taken",
    case(f"{CALL}, expect: {{verdict: allow, code: x}}"): "`code` is no key",
    case(f"{CALL}, expect: {{verdict: allow, text: true}}"): "`text` cannot be expected of `call`",
    case(f"{CALL}, expect: {{verdict: allow, expires_seconds: 1}}"): "only `ask` has",
    case(f"{CALL}, holds: [{{}}], expect: {{verdict: allow}}"): "`holds` does not go with `call`",
    case(f"{CALL}, facts: {{state: x}}, expect: {{verdict: allow}}"): "`state` is no key",
    case(f"{CALL}, facts: {{at: noon}}, expect: {{verdict: allow}}"): "`noon` is no time",
    case(f'{CALL}, facts: {{at: "2026-03-01T12:00:00"}}, expect: {{verdict: allow}}'): "is no time",
    case(f"{CALL}, facts: {{phase: 5}}, expect: {{verdict: allow}}"): "this is a whole number",
    case(f"{CALL}, facts: {{waited: long}}, expect: {{verdict: allow}}"): "a number is wanted",
    case("call: {arguments: {}}, expect: {verdict: allow}"): "the call names no `tool`",
    case("call: {tool: pay, without: [id]}, expect: {verdict: allow}"): "`without` names 'id'",
    case("calls: [{tool: pay}], expect: {verdict: allow}"): "`expect` needs `calls`",
    case("calls: [{tool: pay}], expect: {calls: []}"): "there are 1 calls and 0 expectations",
    case("calls: [{tool: pay}], expect: {calls: [blocked]}"): "`blocked` is none of granted",
    case("calls: [{}], expect: {calls: [granted]}"): "the call names no `tool`",
    case("calls: [{tool: pay, without: [a]}], expect: {calls: [held]}"): "`without` goes with",
    case("narrow: all, expect: {}"): "`expect` needs `offered`, `hidden` or both",
    case("narrow: some, expect: {offered: []}"): "`some` is none of all",
    case("narrow: all, expect: {hidden: {pay: gone}}"): "`gone` is none of session_killed",
    case("rule: {path: $.v, lte: 5}"): "a rule needs documents that it `holds` or `fails` for",
    case("rule: {path: $.v, lte: 5}, holds: []"): "the list needs at least 1",
    case("rule: {path: $.v, most: 5}, holds: [{}]"): "`most` is no key of a rule",
    case("rule: {path: v, lte: 5}, holds: [{v: 1}]"): "a path begins with `$`",
    case("rule: {path: $.v, lte: 5}, holds: [{v: 1}], fails: [{v: 1}]"): "stands twice",
    case("rule: {path: $.v, lte: 5}, holds: ['{']"): "the text is not JSON",
    case("rule: {path: $.v, lte_ref: s}, fails: ['[]']"): "is no object",
    case("rule: {path: $.v, lte: 5}, holds: [{v: 1}], expect: {}"): "does not go with `rule`",
    case(f"{CALL}, contract: {{agent: x}}, expect: {{verdict: allow}}"): "`agent` is no key",
    case(
        f"{CALL}, contract: {{session: {{gate: open}}}}, expect: {{verdict: allow}}"
    ): "`open` is none of",
    case(
        f"{CALL}, contract: {{tools: {{pya: {{decision: deny}}}}}}, expect: {{verdict: allow}}"
    ): "a tool needs the key `side_effect`",
    case(
        f"{CALL}, contract: {{tools: {{pay: {{arguments: [{{path: v, lte: 5}}]}}}}}},"
        " expect: {verdict: allow}"
    ): "a path begins with `$`",
    case(
        f"{CALL}, facts: {{open: [{{tool: pay, arguments: '['}}]}}, expect: {{verdict: allow}}"
    ): "the text is not JSON",
    case(
        f"{CALL}, facts: {{open: [{{tool: pay, arguments: '[]'}}]}}, expect: {{verdict: allow}}"
    ): "the arguments of an earlier call are no object",
    case(
        f"{CALL}, facts: {{effect_keys_taken: [{{tool: pay}}]}}, expect: {{verdict: allow}}"
    ): "without an effect key",
    case(
        f"{CALL}, facts: {{open: [{{tool: pay, granted_ago: 1, ago: 2}}]}},"
        " expect: {verdict: allow}"
    ): "was granted after it was last heard of",
    case(f"{CALL}, facts: {{started_ago: 1e300}}, expect: {{verdict: allow}}"): "`float` <=",
    case(
        f'{CALL}, facts: {{at: "0001-01-01T00:00:00Z", started_ago: 9}}, expect: {{verdict: allow}}'
    ): "out of range",
    HEAD.replace('"lte": 5', '"lte": "x"') + GOOD: "`x` is no decimal",
    HEAD.replace("$.amount", "amount") + GOOD: "a path begins with `$`",
    HEAD + GOOD.replace("id: a", "id: no"): "`no` reads in two ways",
    HEAD + GOOD.replace("id: a", "id: &x a"): "`&x` is not taken",
    f"{HEAD}defaults: {{fact: {{}}}}\n{GOOD}": "`fact` is no key",
    f"{HEAD}defaults: {{facts: {{at: then}}}}\n{GOOD}": "`then` is no time",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items(), ids=REFUSED.values())
def test_what_is_no_case_table_is_refused_and_not_passed(text: str, message: str) -> None:
    found = findings(text)
    assert any(message in one.message for one in found), found


@pytest.mark.parametrize("text", [text for text in REFUSED if text], ids=REFUSED.get)
def test_whatever_is_refused_has_a_line(text: str) -> None:
    assert all(one.line is not None for one in findings(text))


def test_a_fault_stands_where_it_is_written() -> None:
    text = HEAD + GOOD.replace("{verdict: allow}", "{verdict: deny, codes: [denied, oops]}")
    fault = findings(text)[0]
    column = text.splitlines()[2].index("oops") + 1
    assert (fault.line, fault.column, fault.path) == (3, column, "$.cases[0].expect.codes[1]")


def test_every_fault_of_a_table_is_told_at_once() -> None:
    text = case("call: {tol: pay}, expect: {verdict: no}, fact: {}")
    assert len(findings(text)) == 3


def test_a_failed_case_says_what_was_expected_what_came_and_why() -> None:
    (result,) = results(HEAD + GOOD.replace("amount: 5", "amount: 6"))
    (mismatch,) = result.mismatches
    assert (mismatch.what, mismatch.expected, mismatch.got) == ("verdict", "allow", "deny")
    assert result.said[0] == "deny in layer 6, by `tools.pay.arguments[0].lte`"
    assert "`$.amount` is at most `5`" in result.said[1]


def test_reasons_are_compared_by_code_and_by_what_else_is_given() -> None:
    reason = "{code: argument_out_of_bounds, rule: 'tools.pay.arguments[0].lte'}"
    text = HEAD + GOOD.replace("amount: 5", "amount: 6")
    right = text.replace("verdict: allow", f"verdict: deny, reasons: [{reason}]")
    assert results(right)[0].is_passed
    for wrong in (
        right.replace("[0].lte'", "[1].lte'"),
        right.replace("code: argument_out_of_bounds", "code: denied"),
        right.replace("lte'}", "lte', detail: nothing}"),
        right.replace("lte'}", "lte', needs: nothing}"),
    ):
        assert not results(wrong)[0].is_passed


def test_a_case_takes_from_the_default_call_what_it_does_not_say() -> None:
    defaults = f"defaults: {{{CALL}}}\n"
    cases = """cases:
  - {name: as it is, expect: {verdict: allow}}
  - {name: one argument otherwise, call: {arguments: {amount: 6}}, expect: {verdict: allow}}
  - {name: one argument less, call: {without: [amount]}, expect: {verdict: allow}}
  - {name: another tool, call: {tool: other}, expect: {verdict: deny, codes: [no_contract]}}
  - {name: other text, call: {arguments: '{}'}, expect: {verdict: allow}}
"""
    passed = {one.name: one.is_passed for one in results(HEAD + defaults + cases)}
    assert [name for name, is_passed in passed.items() if is_passed] == ["as it is", "another tool"]
    assert len(passed) == 5


def test_a_fact_of_a_case_takes_the_place_of_the_default_one() -> None:
    defaults = "defaults: {facts: {status: killed, filtered: [pay]}}\n"
    text = HEAD + defaults + GOOD.replace(CALL, f"{CALL}, facts: {{status: active}}")
    assert "manual_filter" in results(text)[0].said[1]


def test_what_a_case_changes_in_the_contract_is_seen_by_that_case_alone() -> None:
    cases = """cases:
  - name: with a greater bound
    contract: {tools: {pay: {arguments: [{path: $.amount, lte: 6}]}}}
    call: {tool: pay, arguments: {id: a, amount: 6}}
    expect: {verdict: allow}
  - name: without a bound
    contract: {tools: {pay: {arguments: null}}}
    call: {tool: pay, arguments: {id: a, amount: 7}}
    expect: {verdict: allow}
  - name: without the tool
    contract:
      tools:
        pay: null
        spare: {side_effect: read, evidence_class: ack_only, commit_requirement: none}
    call: {tool: pay, arguments: {id: a, amount: 1}}
    expect: {verdict: deny, codes: [no_contract]}
  - name: the contract of the table
    call: {tool: pay, arguments: {id: a, amount: 6}}
    expect: {verdict: deny, codes: [argument_out_of_bounds]}
"""
    assert [one.name for one in results(HEAD + cases) if not one.is_passed] == []


def test_a_rule_is_asked_on_arguments_and_on_outputs() -> None:
    (result,) = results("cases:\n  - {name: r, rule: {path: $.v, lte: 5}, holds: [{v: 6}]}\n")
    assert result.name == 'r: holds for {"v":6}'
    assert [one.what for one in result.mismatches] == [
        "the rule on arguments",
        "the rule on requires",
    ]


def test_a_time_is_told_in_the_zone_it_is_given_in() -> None:
    contract = CONTRACT | {"session": {"limits": {"max_seconds": 60}}}
    text = f"contract: {json.dumps(contract)}\n" + GOOD.replace(
        CALL, f'{CALL}, facts: {{at: "2026-03-01T14:00:00+02:00", started_ago: 61}}'
    )
    assert results(text)[0].said[0].startswith("deny in layer 1")
