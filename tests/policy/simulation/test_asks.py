"""Calls that people must say yes to: now, later, too late, or never."""

import pytest
from tests.policy.simulation.recording import line, outcome, phases, policy, told

ASK = {"decision": "ask"}
SOON = {"checkpoint": {"expires_seconds": 100}, "decision": "ask"}
LATER = {"checkpoint": {"expires_seconds": 300}, "decision": "ask"}
DESK = policy(look={}, pay=ASK, wire=ASK, steal={"decision": "deny"})
STRIP = policy({"gate": "strip_partial"}, look={}, pay=ASK, wire=ASK, steal={"decision": "deny"})


def test_an_ask_that_nobody_answers_is_not_granted() -> None:
    rows, summary = outcome(DESK, line(0, "a pay", outputs={"a": {}}))
    assert (rows[0].verdict, rows[0].granted, rows[0].layer) == ("ask", False, 11)
    assert [one.code for one in rows[0].reasons] == ["approval_required"]
    assert (summary.ask, summary.ignored_receipts) == (1, 1)


def test_an_ask_that_is_approved_in_its_line_is_granted_and_stays_an_ask() -> None:
    rows, summary = outcome(DESK, line(0, "a pay", approved=["a"], outputs={"a": {}}))
    assert (rows[0].verdict, rows[0].granted, rows[0].layer) == ("ask", True, 11)
    assert (summary.ask, summary.allow, summary.ignored_receipts) == (1, 0, 0)


def test_an_ask_that_is_approved_later_is_granted_in_its_own_line_of_output() -> None:
    lines = line(0, "a pay"), line(1, "b look"), line(2, "c look", approved=["a"])
    assert told(DESK, *lines) == ["a ask granted", "b allow granted", "c allow granted"]


def test_a_result_before_the_approval_is_ignored_and_one_beside_it_is_not() -> None:
    early = line(0, "a pay"), line(1, outputs={"a": {}}), line(2, approved=["a"])
    assert outcome(DESK, *early)[1].ignored_receipts == 1
    beside = line(0, "a pay"), line(1, approved=["a"], outputs={"a": {}})
    assert outcome(DESK, *beside)[1].ignored_receipts == 0


def test_a_claim_comes_before_its_lines_calls() -> None:
    desk = policy(
        phases("one", "two", "three"),
        go=ASK | {"phases": {"valid_in": ["one"], "advances_to": "two"}},
        pay={"phases": {"valid_in": ["two"]}},
    )
    lines = line(0, "a go"), line(1, "b pay", approved=["a"], outputs={"a": {}})
    assert told(desk, *lines) == ["a ask granted", "b allow granted"]


def test_approving_what_is_no_open_ask_does_nothing() -> None:
    lines = (
        line(0, "a look", "b steal", approved=["a", "b"]),
        line(1, "c pay", approved=["c"]),
        line(2, approved=["a", "b", "c"]),
    )
    assert told(DESK, *lines) == [
        "a allow response_refused",
        "b deny 3 denied",
        "c ask granted",
    ]


def test_an_ask_in_a_refused_response_is_not_open() -> None:
    lines = line(0, "a pay", "b steal"), line(1, approved=["a"])
    assert told(DESK, *lines)[0] == "a ask response_refused"


@pytest.mark.parametrize(("second", "words"), [(100, "a ask granted"), (101, "a ask")])
def test_an_ask_is_open_as_long_as_it_may_take(second: int, words: str) -> None:
    desk = policy(pay=SOON)
    assert told(desk, line(0, "a pay"), line(second, approved=["a"])) == [words]


def test_under_reject_all_nothing_is_granted_while_an_ask_is_open() -> None:
    lines = line(0, "a look", "b pay", outputs={"a": {}}), line(1, "c look")
    rows, summary = outcome(DESK, *lines)
    assert [one.granted for one in rows] == [False, False, True]
    assert rows[0].layer is None
    assert [one.code for one in rows[0].reasons] == ["sibling_awaits_approval"]
    assert summary.ignored_receipts == 1


def test_under_reject_all_siblings_are_granted_with_the_last_approval() -> None:
    first = line(0, "a look", "b pay", "c wire")
    one = first, line(1, approved=["b"], outputs={"b": {}})
    assert told(DESK, *one) == ["a allow sibling_awaits_approval", "b ask", "c ask"]
    both = *one, line(2, approved=["c"], outputs={"a": {}, "b": {}, "c": {}})
    assert told(DESK, *both) == ["a allow granted", "b ask granted", "c ask granted"]
    assert outcome(DESK, *both)[1].ignored_receipts == 1


def test_under_reject_all_one_line_can_approve_all_of_its_asks() -> None:
    found = told(DESK, line(0, "a look", "b pay", "c wire", approved=["b", "c"]))
    assert found == ["a allow granted", "b ask granted", "c ask granted"]


def test_under_reject_all_a_step_falls_with_the_first_ask_that_runs_out() -> None:
    desk = policy(look={}, pay=SOON, wire=LATER)
    lines = line(0, "a look", "b pay", "c wire"), line(101, approved=["b", "c"])
    assert told(desk, *lines) == [
        "a allow response_refused",
        "b ask",
        "c ask response_refused",
    ]


def test_under_the_other_gates_legal_calls_run_and_asks_are_claimed_one_by_one() -> None:
    lines = (
        line(0, "a look", "b pay", "c wire", "d steal"),
        line(1, approved=["c"]),
    )
    assert told(STRIP, *lines) == ["a allow granted", "b ask", "c ask granted", "d deny 3 denied"]


def test_under_the_other_gates_each_ask_runs_out_by_itself() -> None:
    desk = policy({"gate": "strip_partial"}, pay=SOON, wire=LATER)
    lines = line(0, "b pay", "c wire"), line(101, approved=["b", "c"])
    assert told(desk, *lines) == ["b ask", "c ask granted"]


def test_a_claim_is_judged_by_all_layers_at_the_line_that_approves_it() -> None:
    desk = policy({"labels": [{"when": {"risk": "high"}, "deny": ["pay"]}]}, pay=ASK)
    lines = line(0, "a pay"), line(1, approved=["a"], labels={"risk": "high"})
    rows, _ = outcome(desk, *lines)
    assert (rows[0].verdict, rows[0].granted, rows[0].layer) == ("ask", False, 11)
    assert [one.code for one in rows[0].reasons] == ["approval_required", "labeled"]


def test_a_claim_that_was_denied_is_closed() -> None:
    desk = policy({"labels": [{"when": {"risk": "high"}, "deny": ["pay"]}]}, pay=ASK)
    lines = (
        line(0, "a pay"),
        line(1, approved=["a"], labels={"risk": "high"}),
        line(2, approved=["a"], labels={"risk": "low"}),
    )
    assert told(desk, *lines) == ["a ask labeled"]


def test_under_reject_all_a_denied_claim_takes_its_siblings_with_it() -> None:
    desk = policy({"labels": [{"when": {"risk": "high"}, "deny": ["pay"]}]}, look={}, pay=ASK)
    lines = line(0, "a look", "b pay"), line(1, approved=["b"], labels={"risk": "high"})
    assert told(desk, *lines) == ["a allow response_refused", "b ask labeled"]


def test_a_claim_is_made_for_the_principal_of_the_proposal() -> None:
    rule = {"effect": "allow", "tools": ["*"], "where": {"team": "support"}}
    desk = policy({"principals": [rule]}, pay=ASK)
    lines = line(0, "a pay", principal={"team": "support"}), line(1, approved=["a"])
    assert told(desk, *lines) == ["a ask granted"]


def test_a_call_that_waits_holds_nothing() -> None:
    desk = policy(pay=ASK | {"effect_key": ["$.order"]})
    lines = line(0, "a pay order=1"), line(1, "b pay order=1"), line(2, approved=["a", "b"])
    assert told(desk, *lines) == ["a ask granted", "b ask effect_key_taken"]


def test_time_stands_still_while_any_ask_is_open() -> None:
    desk = policy({"limits": {"max_seconds": 60}}, look={}, pay=SOON)
    answered = line(0, "a pay"), line(90, "b look", approved=["a"]), line(150, "c look")
    assert told(desk, *answered)[1:] == ["b allow granted", "c allow granted"]
    assert told(desk, *answered, line(151, "d look"))[3] == "d deny 1 session_expired"


def test_time_goes_on_at_the_deadline_of_an_ask_that_nobody_answered() -> None:
    desk = policy({"limits": {"max_seconds": 60}}, look={}, pay=SOON)
    lines = line(0, "a pay"), line(160, "b look"), line(161, "c look")
    assert told(desk, *lines)[1:] == ["b allow granted", "c deny 1 session_expired"]


def test_time_stands_still_once_for_asks_that_are_open_together() -> None:
    desk = policy({"limits": {"max_seconds": 60}}, look={}, pay=SOON)
    lines = line(0, "a pay"), line(50, "b pay"), line(210, "c look"), line(211, "d look")
    assert told(desk, *lines)[2:] == ["c allow granted", "d deny 1 session_expired"]


def test_a_denied_claim_lets_time_go_on() -> None:
    desk = policy(
        {"limits": {"max_seconds": 60}, "labels": [{"when": {"risk": "high"}, "deny": ["pay"]}]},
        look={},
        pay=SOON,
    )
    lines = line(0, "a pay"), line(50, approved=["a"], labels={"risk": "high"})
    later = line(110, "b look"), line(111, "c look")
    assert told(desk, *lines, *later)[1:] == ["b allow granted", "c deny 1 session_expired"]


def test_lines_of_output_keep_their_order_while_one_waits() -> None:
    lines = line(0, "a look"), line(1, "b pay"), line(2, "c look"), line(3, "d pay")
    assert [row.call for row in outcome(DESK, *lines)[0]] == ["a", "b", "c", "d"]


def test_an_ask_with_a_yes_waits_for_its_siblings_past_its_own_time() -> None:
    desk = policy(look={}, pay=SOON, wire=LATER)
    lines = line(0, "a pay", "b wire"), line(50, approved=["a"]), line(300, approved=["b"])
    assert told(desk, *lines) == ["a ask granted", "b ask granted"]
    late = *lines[:2], line(301, approved=["b"])
    assert told(desk, *late) == ["a ask response_refused", "b ask"]


def test_a_second_yes_to_an_ask_that_waits_for_its_siblings_is_no_claim() -> None:
    desk = policy({"labels": [{"when": {"risk": "high"}, "deny": ["pay"]}]}, pay=ASK, wire=ASK)
    lines = (
        line(0, "a pay", "b wire"),
        line(1, approved=["a"]),
        line(2, approved=["a"], labels={"risk": "high"}),
        line(3, approved=["b"], labels={"risk": "low"}),
    )
    assert told(desk, *lines) == ["a ask granted", "b ask granted"]


def test_a_step_that_falls_lets_time_go_on_from_then() -> None:
    desk = policy({"limits": {"max_seconds": 60}}, look={}, pay=SOON, wire=LATER)
    lines = line(0, "a pay", "b wire"), line(160, "c look"), line(161, "d look")
    assert told(desk, *lines)[2:] == ["c allow granted", "d deny 1 session_expired"]


def test_an_approved_ask_falls_with_a_sibling_that_has_no_more_time_than_it_had() -> None:
    desk = policy(pay=SOON, wire=SOON)
    lines = line(0, "a pay", "b wire"), line(50, approved=["a"]), line(101)
    assert told(desk, *lines) == ["a ask response_refused", "b ask"]


def test_a_reason_stands_once_however_often_a_call_is_judged() -> None:
    desk = policy({"labels": [{"when": {"risk": "high"}, "deny": ["pay"]}]}, pay=ASK, wire=ASK)
    lines = line(0, "a pay", "b wire"), line(1, approved=["a"], labels={"risk": "high"})
    rows, _ = outcome(desk, *lines)
    assert [[one.code for one in row.reasons] for row in rows] == [
        ["approval_required", "labeled"],
        ["approval_required", "response_refused"],
    ]
