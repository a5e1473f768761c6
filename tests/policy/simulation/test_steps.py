"""One line after the other: what is folded in when, and what each line sees of it."""

import pytest
from tests.policy.simulation.recording import line, outcome, phases, phases_of, policy, told

from placet.policy.simulation.lines import LineError

STAGES = phases("intake", "verified", "closed")
DESK = policy(
    STAGES,
    look={"phases": {"valid_in": ["intake", "verified"], "advances_to": "verified"}},
    pay={"phases": {"valid_in": ["verified"]}},
    close={"phases": {"valid_in": ["verified"], "advances_to": "closed"}},
)
AFTER = policy(
    look={},
    pay={
        "requires": [
            {
                "tool": "look",
                "output": [{"path": "$.ok", "equals": True}],
                "same": [{"theirs": "$.order", "ours": "$.order"}],
                "within_seconds": 60,
            }
        ]
    },
)


def test_a_commit_moves_the_phase_for_the_next_line() -> None:
    lines = line(0, "a look", outputs={"a": {}}), line(1, "b pay")
    assert told(DESK, *lines) == ["a allow granted", "b allow granted"]
    assert phases_of(DESK, *lines) == ["intake>verified", "verified>verified"]


def test_a_grant_without_a_result_moves_nothing() -> None:
    lines = line(0, "a look"), line(1, "b pay")
    assert told(DESK, *lines) == ["a allow granted", "b deny 4 wrong_phase"]
    assert phases_of(DESK, *lines) == ["intake>intake", "intake>intake"]


def test_a_failed_call_moves_nothing() -> None:
    lines = line(0, "a look", failed=["a"]), line(1, "b pay")
    assert told(DESK, *lines)[1] == "b deny 4 wrong_phase"


def test_a_late_result_is_folded_in_before_its_lines_own_calls() -> None:
    lines = line(0, "a look"), line(1, "b pay", outputs={"a": {}})
    assert told(DESK, *lines)[1] == "b allow granted"


def test_the_phase_of_a_line_is_the_one_before_its_late_results() -> None:
    lines = line(0, "a look"), line(1, "b pay", outputs={"a": {}})
    assert phases_of(DESK, *lines) == ["intake>intake", "intake>verified"]


def test_a_line_without_calls_still_folds_in_results_and_counts_as_a_step() -> None:
    rows, summary = outcome(DESK, line(0, "a look"), line(1, outputs={"a": {}}), line(2, "b pay"))
    assert [(one.call, one.step, one.granted) for one in rows] == [("a", 1, True), ("b", 3, True)]
    assert summary.steps == 3


def test_calls_of_one_line_are_one_response_and_see_nothing_of_each_other() -> None:
    found = told(DESK, line(0, "a look", "b pay", outputs={"a": {}, "b": {}}))
    assert found == ["a allow response_refused", "b deny 4 wrong_phase"]


def test_a_result_of_a_call_that_was_not_granted_is_ignored_and_counted() -> None:
    lines = (
        line(0, "a look", "b pay", outputs={"a": {}, "b": {}}),
        line(1, "c pay", failed=["b"]),
    )
    assert told(DESK, *lines)[2] == "c deny 4 wrong_phase"
    assert outcome(DESK, *lines)[1].ignored_receipts == 3


def test_a_second_result_changes_nothing_and_is_not_counted() -> None:
    lines = (
        line(0, "a look", outputs={"a": {}}),
        line(1, "b pay", failed=["a"], outputs={"b": {}}),
        line(2, "c pay", outputs={"a": {}, "b": {}}),
    )
    assert told(DESK, *lines) == ["a allow granted", "b allow granted", "c allow granted"]
    assert outcome(DESK, *lines)[1].ignored_receipts == 0


def test_a_cost_of_a_call_that_was_not_granted_is_not_counted_as_a_result() -> None:
    assert outcome(DESK, line(0, "a pay", cost_micros={"a": 5}))[1].ignored_receipts == 0


def test_late_results_are_folded_in_in_the_order_in_which_the_calls_were_proposed() -> None:
    slots = {"bindings": [{"slot": "s", "write": "last"}]}
    desk = policy(
        slots,
        look={"binds": [{"slot": "s", "from": "output", "path": "$.n"}]},
        pay={"arguments": [{"path": "$.n", "equals_ref": "s"}]},
    )
    late = line(1, "c pay n=2", outputs={"b": {"n": 2}, "a": {"n": 1}})
    assert told(desk, line(0, "a look", "b look"), late)[2] == "c allow granted"


def test_a_terminal_phase_closes_the_session() -> None:
    lines = (
        line(0, "a look", outputs={"a": {}}),
        line(1, "b close", outputs={"b": {}}),
        line(2, "c look"),
    )
    assert told(DESK, *lines)[2] == "c deny 1 session_closed"
    assert phases_of(DESK, *lines)[1:] == ["verified>closed", "closed>closed"]


def test_a_commit_that_finds_another_phase_moves_nothing() -> None:
    desk = policy(
        phases("one", "two", "three"),
        go={"phases": {"valid_in": ["one"], "advances_to": "two"}},
        end={"phases": {"valid_in": ["two"], "advances_to": "three"}},
    )
    lines = (
        line(0, "a go"),
        line(1, "b go", outputs={"b": {}}),
        line(2, "c end", outputs={"c": {}}),
        line(3, "d go", outputs={"a": {}}),
    )
    assert phases_of(desk, *lines) == ["one>one", "one>two", "two>three", "three>three"]


def test_two_calls_that_lead_to_different_phases_are_both_kept_back() -> None:
    fork = policy(
        {
            "phases": [
                {"name": "one", "initial": True},
                {"name": "two", "terminal": True},
                {"name": "three", "terminal": True},
            ],
            "transitions": {"one": ["two", "three"]},
        },
        a={"phases": {"valid_in": ["one"], "advances_to": "two"}},
        b={"phases": {"valid_in": ["one"], "advances_to": "three"}},
    )
    rows, _ = outcome(fork, line(0, "x a", "y b", outputs={"x": {}}))
    assert [one.granted for one in rows] == [False, False]
    assert [one.reasons[0].code for one in rows] == ["phase_conflict"] * 2
    assert [one.layer for one in rows] == [None, None]


def test_a_required_call_must_be_committed_with_the_output_and_the_same_values() -> None:
    good = line(0, "a look order=1", outputs={"a": {"ok": True}})
    assert told(AFTER, good, line(1, "b pay order=1"))[1] == "b allow granted"
    assert told(AFTER, good, line(1, "b pay order=2"))[1] == "b deny 5 precondition_not_met"
    bad = line(0, "a look order=1", outputs={"a": {"ok": False}})
    assert told(AFTER, bad, line(1, "b pay order=1"))[1] == "b deny 5 precondition_not_met"
    open_one = line(0, "a look order=1")
    assert told(AFTER, open_one, line(1, "b pay order=1"))[1] == "b deny 5 precondition_not_met"


def test_newer_knowledge_wins() -> None:
    lines = (
        line(0, "a look order=1", outputs={"a": {"ok": True}}),
        line(1, "b look order=1", outputs={"b": {"ok": False}}),
        line(2, "c pay order=1"),
    )
    assert told(AFTER, *lines)[2] == "c deny 5 precondition_not_met"


@pytest.mark.parametrize(("second", "words"), [(60, "allow granted"), (61, "deny 5")])
def test_a_required_call_counts_from_the_time_of_the_line_with_its_result(
    second: int, words: str
) -> None:
    lines = (
        line(0, "a look order=1"),
        line(10, outputs={"a": {"ok": True}}),
        line(10 + second, "b pay order=1"),
    )
    assert told(AFTER, *lines)[1].startswith(f"b {words}")


def test_a_tool_without_a_commit_requirement_commits_at_its_grant() -> None:
    desk = policy(
        STAGES,
        look={
            "commit_requirement": "none",
            "phases": {"valid_in": ["intake"], "advances_to": "verified"},
        },
        pay={"phases": {"valid_in": ["verified"]}},
    )
    lines = line(0, "a look"), line(1, "b pay", failed=["a"]), line(2, "c pay")
    assert told(desk, *lines)[1:] == ["b allow granted", "c allow granted"]
    assert phases_of(desk, *lines)[0] == "intake>verified"


def test_a_forbidding_call_counts_from_its_grant_until_it_failed() -> None:
    desk = policy(move={}, pay={"forbidden_after": ["move"]})
    lines = line(0, "a move"), line(1, "b pay"), line(2, "c pay", failed=["a"])
    assert told(desk, *lines)[1:] == ["b deny 4 forbidden_in_state", "c allow granted"]


def test_an_effect_key_is_free_again_after_a_failure() -> None:
    desk = policy(pay={"effect_key": ["$.order"]})
    lines = (
        line(0, "a pay order=1"),
        line(1, "b pay order=1"),
        line(2, "c pay order=1", failed=["a"]),
    )
    assert told(desk, *lines)[1:] == ["b deny 8 effect_key_taken", "c allow granted"]


def test_labels_last_and_replace_those_of_the_same_name() -> None:
    rule = {"when": {"risk": "high", "area": "x"}, "deny": ["pay"]}
    desk = policy({"labels": [rule]}, pay={})
    lines = (
        line(0, "a pay", labels={"risk": "high"}),
        line(1, "b pay", labels={"area": "x"}),
        line(2, "c pay"),
        line(3, "d pay", labels={"risk": "low"}),
    )
    assert told(desk, *lines) == [
        "a allow granted",
        "b deny 9 labeled",
        "c deny 9 labeled",
        "d allow granted",
    ]


def test_a_principal_counts_for_its_line_alone() -> None:
    rule = {"effect": "allow", "tools": ["*"], "where": {"team": "support"}}
    desk = policy({"principals": [rule]}, pay={})
    lines = line(0, "a pay", principal={"team": "support"}), line(1, "b pay")
    assert told(desk, *lines) == ["a allow granted", "b deny 2 principal"]


def test_arguments_that_are_no_json_are_a_denial_and_no_fault_of_the_line() -> None:
    broken = {"id": "a", "type": "function", "function": {"name": "pay", "arguments": "{"}}
    assert told(policy(pay={}), line(0, tool_calls=[broken])) == ["a deny 6 arguments_malformed"]


def test_a_tool_without_a_contract_is_denied() -> None:
    assert told(policy(pay={}), line(0, "a steal")) == ["a deny 3 no_contract"]


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([line(1, "a pay"), line(0, "b pay")], "at"),
        ([line(0, "a pay"), line(1, "a pay")], "tool_calls[0].id"),
        ([line(0, "a pay", "a pay")], "tool_calls[1].id"),
        ([line(0, "a pay", outputs={"b": 1})], "outputs"),
        ([line(0, "a pay", failed=["b"])], "failed"),
        ([line(0, "a pay", approved=["b"])], "approved"),
        ([line(0, "a pay", cost_micros={"b": 1})], "cost_micros"),
        ([line(0, "a pay", outputs={"b": 1}), line(1, "b pay")], "outputs"),
        ([line(0, "a pay", outputs={"a": 1}, failed=["a"])], "failed"),
    ],
)
def test_a_line_that_cannot_be_the_next_is_refused_by_its_field(lines: list, field: str) -> None:  # type: ignore[type-arg]  # -- lines
    with pytest.raises(LineError) as refused:
        told(policy(pay={}), *lines)
    assert refused.value.field == field


def test_lines_at_the_same_time_are_in_order() -> None:
    assert len(told(policy(pay={}), line(1, "a pay"), line(1, "b pay"))) == 2


def test_an_empty_recording_has_a_summary_of_nothing() -> None:
    rows, summary = outcome(policy(pay={}))
    assert (rows, summary.steps, summary.killed, summary.kill_reason) == ([], 0, False, None)
