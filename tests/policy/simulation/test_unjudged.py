"""Denials that may rest on what a recording could not show."""

from datetime import timedelta
from typing import Any

import pytest
from tests.policy.simulation.recording import doubts, line, outcome, phases, policy, told

from placet.policy.facts import COMMITTED_MAX
from placet.policy.simulation.late import Late, Output, late_results, late_results_in
from placet.policy.simulation.lines import read_line
from placet.policy.simulation.report import CallLine
from placet.policy.simulation.run import simulate
from placet.policy.simulation.unjudged import Gaps

STAGES = phases("intake", "verified", "closed")
DENIED = {"decision": "deny"}
GO = {"phases": {"valid_in": ["intake"], "advances_to": "verified"}}
PAY = {"phases": {"valid_in": ["verified"]}}
SAME = {
    "tool": "look",
    "output": [{"path": "$.ok", "equals": True}],
    "same": [{"theirs": "$.order", "ours": "$.order"}],
}


def requiring(requires: list[Any], **look: Any) -> Any:  # noqa: ANN401 -- a policy's parts
    return policy(look=look, pay={"requires": requires})


def test_a_denial_that_a_refused_call_would_have_lifted_is_told_and_stands() -> None:
    desk = policy(STAGES, go=GO | DENIED, pay=PAY)
    lines = line(0, "a go", outputs={"a": {}}), line(1, "b pay", outputs={"b": {}})
    assert told(desk, *lines) == ["a deny 3 denied", "b deny 4 wrong_phase"]
    assert list(doubts(desk, *lines)) == ["b"]
    assert "call `a` of `go` (step 1)" in doubts(desk, *lines)["b"]
    assert outcome(desk, *lines)[1].ignored_receipts == 2


def test_a_call_that_was_granted_and_has_no_result_leaves_a_doubt() -> None:
    desk = policy(STAGES, go=GO, pay=PAY)
    assert list(doubts(desk, line(0, "a go"), line(1, "b pay"))) == ["b"]


@pytest.mark.parametrize("when", [0, 1, 2])
def test_a_call_that_failed_somewhere_in_the_recording_leaves_none(when: int) -> None:
    desk = policy(STAGES, go=GO | DENIED, pay=PAY)
    lines = [line(0, "a go"), line(1, "b pay"), line(2)]
    lines[when] = line(when, *[["a go"], ["b pay"], []][when], failed=["a"])
    assert doubts(desk, *lines) == {}


def test_a_call_of_the_same_line_leaves_no_doubt() -> None:
    desk = policy(STAGES, go=GO | DENIED, pay=PAY)
    assert doubts(desk, line(0, "a go", "b pay")) == {}


def test_a_denial_that_another_layer_would_repeat_is_judged() -> None:
    desk = policy(STAGES, go=GO | DENIED, pay=PAY | {"arguments": [{"path": "$.n", "gte": 5}]})
    lines = line(0, "a go"), line(1, "b pay n=4"), line(2, "c pay n=5")
    assert list(doubts(desk, *lines)) == ["c"]


def test_a_denial_for_what_counts_is_judged() -> None:
    desk = policy(STAGES, go=GO, pay=PAY | {"forbidden_after": ["go"]})
    lines = line(0, "a go"), line(1, "b pay")
    assert told(desk, *lines)[1] == "b deny 4 wrong_phase forbidden_in_state"
    assert doubts(desk, *lines) == {}


def test_a_call_that_forbids_another_lifts_nothing_for_it() -> None:
    desk = policy(STAGES, go=GO | DENIED, pay=PAY | {"forbidden_after": ["go"]})
    assert doubts(desk, line(0, "a go"), line(1, "b pay")) == {}


def test_a_grant_given_in_another_phase_would_move_nothing() -> None:
    desk = policy(
        phases("one", "two", "three"),
        go={"phases": {"valid_in": ["one"], "advances_to": "two"}},
        end={"phases": {"valid_in": ["two"], "advances_to": "three"}},
    )
    lines = line(0, "a go"), line(1, "b go", outputs={"b": {}}), line(2, "c go")
    assert told(desk, *lines)[2] == "c deny 4 wrong_phase"
    assert doubts(desk, *lines) == {}


def test_a_required_call_leaves_a_doubt_by_its_values_and_its_output() -> None:
    desk = requiring([SAME], **DENIED)
    first = line(0, "a look order=1", outputs={"a": {"ok": True}})
    assert list(doubts(desk, first, line(1, "b pay order=1.0"))) == ["b"]
    assert doubts(desk, first, line(1, "b pay order=2")) == {}
    wrong = line(0, "a look order=1", outputs={"a": {"ok": False}})
    assert doubts(desk, wrong, line(1, "b pay order=1")) == {}
    nothing = line(0, "a look order=1")
    assert doubts(desk, nothing, line(1, "b pay order=1")) == {}


def test_an_output_that_the_recording_tells_later_counts() -> None:
    desk = requiring([SAME], **DENIED)
    lines = line(0, "a look order=1"), line(1, "b pay order=1")
    assert list(doubts(desk, *lines, line(2, outputs={"a": {"ok": True}}))) == ["b"]
    assert doubts(desk, *lines, line(2, outputs={"a": {"ok": False}})) == {}


def test_the_newest_call_that_would_do_is_named() -> None:
    desk = requiring([SAME], **DENIED)
    good = {"ok": True}
    lines = (
        line(0, "a look order=1", outputs={"a": good}),
        line(1, "b look order=1", outputs={"b": good}),
        line(2, "c look order=1", outputs={"c": {}}),
        line(3, "d pay order=1"),
    )
    assert "call `b`" in doubts(desk, *lines)["d"]


def test_two_requirements_that_one_call_cannot_meet_leave_no_doubt() -> None:
    desk = policy(look=DENIED, ask=DENIED, pay={"requires": [{"tool": "look"}, {"tool": "ask"}]})
    assert doubts(desk, line(0, "a look", "b ask"), line(1, "c pay")) == {}


def test_two_requirements_that_one_call_meets_leave_a_doubt() -> None:
    desk = policy(look=DENIED, pay={"requires": [{"tool": "look"}, SAME]})
    lines = line(0, "a look order=1", outputs={"a": {"ok": True}}), line(1, "b pay order=1")
    assert list(doubts(desk, *lines)) == ["b"]


def test_an_empty_slot_that_an_earlier_call_would_have_filled_leaves_a_doubt() -> None:
    desk = policy(
        {"bindings": [{"slot": "s", "write": "once"}]},
        look=DENIED | {"binds": [{"slot": "s", "from": "output", "path": "$.n"}]},
        pay={"arguments": [{"path": "$.n", "lte_ref": "s"}]},
    )
    first = line(0, "a look", outputs={"a": {"n": 5}})
    lines = first, line(1, "b pay n=5"), line(2, "c pay n=6")
    assert told(desk, *lines)[1:] == ["b deny 8 slot_empty", "c deny 8 slot_empty"]
    assert list(doubts(desk, *lines)) == ["b"]


@pytest.mark.parametrize(("write", "found"), [("once", []), ("last", ["c"])])
def test_a_slot_that_another_call_would_have_replaced_leaves_a_doubt(
    write: str, found: list[str]
) -> None:
    desk = policy(
        {"bindings": [{"slot": "s", "write": write}]},
        look={"binds": [{"slot": "s", "from": "arguments", "path": "$.n"}]},
        pay={"arguments": [{"path": "$.n", "equals_ref": "s"}]},
    )
    lines = line(0, "a look n=1", outputs={"a": {}}), line(1, "b look n=2"), line(2, "c pay n=2")
    assert told(desk, *lines)[2].startswith("c deny 8")
    assert list(doubts(desk, *lines)) == found


def test_an_effect_key_that_is_taken_leaves_no_doubt() -> None:
    desk = policy(pay={"effect_key": ["$.order"]})
    assert doubts(desk, line(0, "a pay order=1"), line(1, "b pay order=1")) == {}


def summed(op: str, **bounds: Any) -> Any:  # noqa: ANN401 -- a policy's parts
    rule = {"name": "x", "tool": "give", "op": op, "path": "$.n"}
    return policy({"aggregates": [rule | bounds], "limits": {"max_steps": 9}}, give={}, look={})


@pytest.mark.parametrize(
    ("op", "bounds", "found"),
    [
        ("sum", {"gte": 10}, ["b"]),
        ("sum", {"gte": 12}, []),
        ("sum", {"gte": 10, "lte": 10}, []),
        ("sum", {"gte": 10, "lte": 12}, ["b"]),
        ("max", {"gte": 8}, ["b"]),
        ("min", {"lte": 2}, []),
        ("sum", {"lte": 2}, []),
    ],
)
def test_a_lower_bound_that_an_earlier_call_would_have_helped_to_leaves_a_doubt(
    op: str, bounds: dict[str, int], found: list[str]
) -> None:
    lines = line(0, "a give n=8"), line(1, "b give n=3")
    assert list(doubts(summed(op, **bounds), *lines)) == found


def test_a_label_or_an_envelope_leaves_no_doubt() -> None:
    envelope = {"name": "e", "tool": "pay", "path": "$.n", "within_ratio_of_first": 1}
    desk = policy(
        {"envelopes": [envelope], "labels": [{"when": {"x": "y"}, "deny": ["pay"]}]}, pay={}
    )
    lines = (
        line(0, "a pay n=1", outputs={"a": {}}),
        line(1, "b pay n=1"),
        line(2, "c pay n=2"),
        line(3, "d pay n=1", labels={"x": "y"}),
    )
    assert [one.split()[1] for one in told(desk, *lines)] == ["allow", "allow", "deny", "deny"]
    assert doubts(desk, *lines) == {}


@pytest.mark.parametrize("limits", [{"max_tool_calls": 1}, {"max_steps": 1}])
def test_a_limit_that_the_lifting_call_would_have_used_up_is_kept(limits: dict[str, int]) -> None:
    desk = policy({"limits": limits} | STAGES, go=GO | DENIED, pay=PAY)
    assert doubts(desk, line(0, "a go"), line(1, "b pay")) == {}


def test_a_call_that_is_too_long_ago_is_not_looked_at() -> None:
    desk = requiring([{"tool": "look", "output": [{"path": "$.ok", "equals": True}]}], **DENIED)
    first = line(0, "a look", outputs={"a": {"ok": True}})
    more = [line(1, f"x{n} look") for n in range(COMMITTED_MAX)]
    assert list(doubts(desk, first, *more[1:], line(2, "b pay"))) == ["b"]
    assert doubts(desk, first, *more, line(2, "b pay")) == {}


def test_a_call_that_is_committed_by_now_is_not_looked_at() -> None:
    desk = policy(
        phases("intake", "verified", "paid", "closed"),
        go={"phases": {"valid_in": ["intake"], "advances_to": "verified"}, "decision": "ask"},
        pay={"phases": {"valid_in": ["paid"]}},
    )
    lines = line(0, "a go"), line(1, approved=["a"], outputs={"a": {}}), line(2, "b pay")
    assert doubts(desk, *lines) == {}


def test_without_arguments_a_call_is_denied_and_nothing_more_is_known() -> None:
    desk = requiring([SAME])
    gaps = Gaps(arguments="no arguments", principal="no principal")
    empty = {"function": {"name": "look", "arguments": ""}}
    lines = [line(0, tool_calls=[{"id": "a", **empty}]), line(1, "b pay order=1", "c steal")]
    rows = [one for one in simulate(desk, lines, gaps=gaps) if isinstance(one, CallLine)]
    assert [(one.call, one.layer) for one in rows] == [("a", 6), ("b", 5), ("c", 3)]
    assert rows[0].unjudged == "no arguments"
    assert "`a` of `look` (step 1), whose arguments are not known" in str(rows[1].unjudged)
    assert not isinstance(rows[2].unjudged, str)


def test_without_a_principal_the_rules_on_principals_are_not_judged() -> None:
    desk = policy({"principals": [{"effect": "allow", "tools": ["*"], "where": {"a": 1}}]}, pay={})
    gaps = Gaps(arguments="no arguments", principal="no principal")
    row = next(iter(simulate(desk, [line(0, "a pay")], gaps=gaps)))
    assert isinstance(row, CallLine)
    assert (row.layer, row.unjudged) == (2, "no principal")


def test_late_results_are_the_same_from_lines_and_from_bytes() -> None:
    desk = requiring([SAME])
    call = '{"id":"%s","function":{"name":"%s","arguments":"{}"}}'
    calls = ",".join([call % ("a", "look"), call % ("b", "look"), call % ("d", "pay")])
    at = '"at":"2026-01-01T00:00:00Z"'
    texts = [
        f'{{{at},"tool_calls":[{calls}],"outputs":{{"a":{{"ok":1}}}},"failed":[]}}',
        f'{{{at},"tool_calls":[],"outputs":{{"b":{{"ok":2,"n":3}},"d":4}},"failed":["c"]}}',
        f'{{{at},"tool_calls":[],"outputs":{{"b":{{"ok":5}}}}}}',
    ]
    known = Late({"b": Output(kept={"$.ok": 2}, slots={})}, frozenset({"c"}))
    raw = [text.encode() for text in texts]
    assert late_results(desk, map(read_line, raw)) == known
    assert late_results_in(desk, [b"nonsense", *raw, b""]) == known


def test_of_late_outputs_only_what_a_rule_names_is_kept() -> None:
    bind = {"binds": [{"slot": "s", "from": "output", "path": "$.n"}]}
    desk = policy({"bindings": [{"slot": "s", "write": "last"}]}, look=bind, pay={})
    calls = line(0, "a look", "b pay")
    late = late_results(desk, [calls, line(1, outputs={"a": {"n": 1, "text": "x"}, "b": "x"})])
    assert late.outputs == {"a": Output(kept={}, slots={0: 1})}


def test_the_time_of_the_imagined_commit_is_that_of_the_denied_call() -> None:
    requirement = {"tool": "look", "within_seconds": 60}
    desk = requiring([requirement], **DENIED)
    later = line(timedelta(days=1).total_seconds(), "b pay")
    assert list(doubts(desk, line(0, "a look"), later)) == ["b"]


def test_a_committed_call_is_not_imagined_to_come_once_more() -> None:
    desk = requiring([SAME])
    lines = (
        line(0, "a look order=1"),
        line(1, "p pay order=1"),
        line(2, outputs={"a": {"ok": True}}),
        line(3, "b look order=1", outputs={"b": {"ok": True}}),
        line(4, "c look order=1", outputs={"c": {"ok": False}}),
        line(5, "d pay order=1"),
    )
    assert told(desk, *lines)[-1] == "d deny 5 precondition_not_met"
    assert list(doubts(desk, *lines)) == ["p"]


def test_a_call_that_committed_with_its_claim_is_not_imagined_once_more() -> None:
    bind = {"binds": [{"slot": "s", "from": "arguments", "path": "$.n"}]}
    asked = bind | {"commit_requirement": "none", "decision": "ask"}
    desk = policy(
        {"bindings": [{"slot": "s", "write": "last"}]},
        ask=asked,
        look=bind,
        pay={"arguments": [{"path": "$.n", "equals_ref": "s"}]},
    )
    lines = (
        line(0, "a ask n=1"),
        line(1, approved=["a"]),
        line(2, "b look n=2", outputs={"b": {}}),
        line(3, "c pay n=1"),
    )
    assert told(desk, *lines)[2].startswith("c deny 8")
    assert doubts(desk, *lines) == {}


def test_the_lifting_call_would_be_the_newest() -> None:
    desk = policy(
        {"labels": [{"when": {"x": "y"}, "deny": ["look"]}]}, look={}, pay={"requires": [SAME]}
    )
    lines = (
        line(0, "a look order=1", outputs={"a": {"ok": False}}),
        line(1, "b look order=1", outputs={"b": {"ok": True}}, labels={"x": "y"}),
        line(2, "c pay order=1"),
    )
    assert list(doubts(desk, *lines)) == ["c"]


@pytest.mark.parametrize(
    ("session", "tool"),
    [
        ({}, {"effect_key": ["$.k"]}),
        ({"limits": {"loop": {"window": 4, "threshold": 2}}}, {}),
        (
            {
                "envelopes": [
                    {"name": "e", "tool": "t", "path": "$.n", "within_ratio_of_first": "0.5"}
                ]
            },
            {},
        ),
    ],
)
def test_what_the_lifting_call_would_itself_have_taken_is_kept(
    session: dict[str, Any], tool: dict[str, Any]
) -> None:
    itself = {"phases": {"valid_in": ["two"], "advances_to": "two"}}
    desk = policy(phases("one", "two", "three") | session, t=itself | tool)
    assert doubts(desk, line(0, "a t n=4 k=1"), line(1, "b t n=4 k=1")) == {}
    assert list(doubts(desk, line(0, "a t n=4 k=1"), line(1, "b t n=2 k=2"))) == ["b"]


def test_a_call_for_somebody_else_helps_no_sum_of_the_principal() -> None:
    rule = {"name": "x", "tool": "give", "op": "sum", "path": "$.n", "gte": 10}
    desk = policy({"aggregates": [rule | {"scope": "principal"}]}, give={})
    first, second = {"principal": {"id": "1"}}, {"principal": {"id": "2"}}
    assert list(doubts(desk, line(0, "a give n=8", **first), line(1, "b give n=3", **first))) == [
        "b"
    ]
    assert doubts(desk, line(0, "a give n=8", **first), line(1, "b give n=3", **second)) == {}


def test_numbers_that_are_equal_are_the_same_value_however_written() -> None:
    desk = requiring([SAME], **DENIED)
    first = line(0, "a look order=1e21", outputs={"a": {"ok": True}})
    lines = first, line(1, f"b pay order={10**21}")
    assert list(doubts(desk, *lines)) == ["b"]


def test_a_call_that_is_granted_already_would_count_once() -> None:
    lines = line(0, "a give n=12"), line(1, "b give n=3")
    assert told(summed("sum", gte=10, lte=16), *lines) == [
        "a allow granted",
        "b deny 9 aggregate_exceeded",
    ]
    assert list(doubts(summed("sum", gte=10, lte=16), *lines)) == ["b"]


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("slots.s == args.n", ["b"]),
        ("phase == 'verified'", ["b"]),
        ("args.n == 2.0 && phase == 'verified'", []),
        ("args.n == 2.0", []),
    ],
)
def test_a_condition_on_slots_or_the_phase_leaves_a_doubt(when: str, found: list[str]) -> None:
    bind = {"binds": [{"slot": "s", "from": "arguments", "path": "$.n"}]}
    desk = policy(
        STAGES | {"bindings": [{"slot": "s", "write": "once"}]},
        go=GO | DENIED | bind,
        pay={"when": when, "phases": {"valid_in": ["intake", "verified"]}},
    )
    lines = line(0, "a go n=1"), line(1, "b pay n=1")
    assert told(desk, *lines)[1] == "b deny 7 condition_not_met"
    assert list(doubts(desk, *lines)) == found


BINDING = {"binds": [{"slot": "s", "from": "arguments", "path": "$.n"}]}
COMPARING = {"arguments": [{"path": "$.n", "equals_ref": "s"}]}


def many_denied(*numbers: int, denied: int) -> dict[str, str]:
    """Return the doubts of a line with denied calls, after one call for each number."""
    desk = policy(
        {"bindings": [{"slot": "s", "write": "last"}]}, look=DENIED | BINDING, pay=COMPARING
    )
    first = line(0, *[f"a{index} look n={number}" for index, number in enumerate(numbers)])
    return doubts(desk, first, line(1, *[f"b{index} pay n=-1" for index in range(denied)]))


def test_a_line_that_takes_too_long_says_of_which_denials_the_search_was_cut() -> None:
    found = many_denied(*range(COMMITTED_MAX), denied=6)
    assert list(found) == ["b4", "b5"]
    assert "there are more than were tried" in found["b4"]


def test_calls_whose_commits_are_alike_are_tried_once() -> None:
    assert many_denied(*[1] * COMMITTED_MAX, denied=40) == {}
    found = many_denied(*[-1] * COMMITTED_MAX, denied=40)
    assert len(found) == 40
    assert all(f"`a{COMMITTED_MAX - 1}`" in text for text in found.values())


@pytest.mark.parametrize(("most", "found"), [(3, []), (4, ["b"])])
def test_calls_after_the_denied_one_count_towards_all_of_them_together(
    most: int, found: list[str]
) -> None:
    desk = policy({"limits": {"max_tool_calls": most}} | STAGES, go=GO | DENIED, pay=PAY, look={})
    lines = line(0, "a go"), line(1, "b pay", "c look", "d look")
    assert list(doubts(desk, *lines)) == found


@pytest.mark.parametrize(("op", "bound"), [("sum", "gte"), ("max", "gte"), ("min", "lte")])
def test_amounts_no_better_than_one_that_did_not_do_are_not_tried_at_length(
    op: str, bound: str
) -> None:
    most = COMMITTED_MAX if bound == "gte" else -1
    desk = summed(op, **{bound: 10**6 if bound == "gte" else -2})
    numbers = range(COMMITTED_MAX) if bound == "gte" else reversed(range(COMMITTED_MAX))
    first = line(0, *[f"a{number} give n={number}" for number in numbers])
    assert doubts(desk, first, line(1, *[f"b{index} give n={most}" for index in range(4)])) == {}
