"""What a session may use up, and what ends it."""

from typing import Any

import pytest
from tests.policy.simulation.recording import line, outcome, policy, told


def limited(limits: dict[str, Any], **more: Any) -> Any:  # noqa: ANN401 -- a policy's parts
    tools = {"look": {}, "pay": {"decision": "ask"}, "steal": {"decision": "deny"}}
    return policy({"limits": limits} | more, **tools)


def test_steps_count_responses_from_their_first_grant() -> None:
    desk = limited({"max_steps": 2})
    lines = (
        line(0, "a look", "b look"),
        line(1, "c steal"),
        line(2, "d look"),
        line(3, "e look"),
    )
    assert told(desk, *lines)[2:] == [
        "c deny 3 denied",
        "d allow granted",
        "e deny 10 steps_exhausted",
    ]


def test_a_step_is_free_again_when_all_its_granted_calls_failed() -> None:
    desk = limited({"max_steps": 1})
    first = line(0, "a look", "b look", failed=["a"])
    assert told(desk, first, line(1, "c look"))[2] == "c deny 10 steps_exhausted"
    assert told(desk, first, line(1, "c look", failed=["b"]))[2] == "c allow granted"


def test_a_claim_of_a_step_that_counts_already_takes_no_second_one() -> None:
    desk = limited({"max_steps": 1}, gate="strip_partial")
    lines = line(0, "a look", "b pay"), line(1, approved=["b"])
    assert told(desk, *lines) == ["a allow granted", "b ask granted"]


def test_the_call_that_passes_a_tools_limit_is_denied() -> None:
    desk = limited({"max_calls_per_tool": {"look": 2}}, gate="strip_partial")
    assert told(desk, line(0, "a look", "b look", "c look")) == [
        "a allow granted",
        "b allow granted",
        "c deny 10 tool_calls_exhausted",
    ]
    lines = line(0, "a look", "b look"), line(1, "c look", failed=["a"]), line(2, "d look")
    assert told(desk, *lines)[2:] == ["c allow granted", "d deny 10 tool_calls_exhausted"]


def test_calls_that_would_pass_the_limit_together_are_all_denied() -> None:
    desk = limited({"max_tool_calls": 2}, gate="strip_partial")
    lines = line(0, "a look"), line(1, "b look", "c look"), line(2, "d look")
    assert told(desk, *lines)[1:] == [
        "b deny 10 calls_exhausted",
        "c deny 10 calls_exhausted",
        "d allow granted",
    ]


@pytest.mark.parametrize(("cost", "words"), [(99, "allow granted"), (100, "deny 10")])
def test_a_cost_that_was_spent_counts_from_the_next_call(cost: int, words: str) -> None:
    desk = limited({"max_cost_micros": 100})
    lines = line(0, "a look", cost_micros={"a": cost}), line(1, "b look")
    assert told(desk, *lines)[0] == "a allow granted"
    assert told(desk, *lines)[1].startswith(f"b {words}")


def test_a_later_word_on_a_cost_replaces_the_earlier() -> None:
    desk = limited({"max_cost_micros": 100})
    lines = (
        line(0, "a look", cost_micros={"a": 90}),
        line(1, "b look", cost_micros={"a": 60}),
        line(2, "c look", cost_micros={"b": 40}),
    )
    assert told(desk, *lines)[1:] == ["b allow granted", "c deny 10 cost_exhausted"]


def test_the_like_call_that_reaches_the_threshold_is_denied_though_others_failed() -> None:
    desk = limited({"loop": {"window": 3, "threshold": 3}})
    lines = (
        line(0, "a look x=1", failed=["a"]),
        line(1, "b look x=1"),
        line(2, "c look x=1"),
        line(3, "d look x=2"),
        line(4, "e look x=2"),
        line(5, "f look x=1"),
    )
    assert told(desk, *lines)[2:] == [
        "c deny 10 loop_detected",
        "d allow granted",
        "e allow granted",
        "f allow granted",
    ]


def test_an_aggregate_counts_open_and_committed_calls_in_its_window() -> None:
    rule = {"name": "sum", "tool": "give", "op": "sum", "path": "$.n", "lte": 10}
    desk = policy({"aggregates": [rule | {"window_seconds": 60}]}, give={})
    lines = (
        line(0, "a give n=6"),
        line(100, "b give n=5"),
        line(101, "c give n=4", outputs={"a": {}, "c": {}}),
        line(160, "d give n=1"),
        line(161, "e give n=7", outputs={}),
    )
    assert told(desk, *lines) == [
        "a allow granted",
        "b deny 9 aggregate_exceeded",
        "c allow granted",
        "d deny 9 aggregate_exceeded",
        "e allow granted",
    ]


def test_an_envelope_is_set_by_the_first_commit_and_not_by_a_grant() -> None:
    rule = {"name": "e", "tool": "give", "path": "$.n", "within_ratio_of_first": "1.5"}
    desk = policy({"envelopes": [rule]}, give={})
    lines = (
        line(0, "a give n=9"),
        line(1, "b give n=2", outputs={"b": {}}),
        line(2, "c give n=3"),
        line(3, "d give n=4", outputs={"a": {}}),
    )
    assert told(desk, *lines)[1:] == [
        "b allow granted",
        "c allow granted",
        "d deny 9 envelope_exceeded",
    ]


def test_time_runs_from_the_first_line() -> None:
    desk = limited({"max_seconds": 60})
    lines = line(1000, "a look"), line(1060, "b look"), line(1060.001, "c look")
    assert told(desk, *lines)[1:] == ["b allow granted", "c deny 1 session_expired"]


BLOCKS = {"circuit_breaker": {"consecutive_blocks": 2}}
ERRORS = {"circuit_breaker": {"consecutive_errors": 2}}


def killed(desk: Any, *lines: Any) -> tuple[str, str | None]:  # noqa: ANN401 -- as `outcome`
    rows, summary = outcome(desk, *lines)
    assert summary.killed is (summary.kill_reason is not None)
    last = rows[-1].reasons[0].code if rows[-1].reasons else rows[-1].verdict
    return str(last), summary.kill_reason


def test_responses_that_are_blocked_in_a_row_kill_and_the_rest_is_judged_still() -> None:
    lines = line(0, "a steal"), line(1, "b steal"), line(2, "c look"), line(3, "d look")
    assert told(limited(BLOCKS), *lines)[2:] == [
        "c deny 1 session_killed",
        "d deny 1 session_killed",
    ]
    assert killed(limited(BLOCKS), *lines) == ("session_killed", "consecutive_blocks")


def test_a_grant_ends_a_row_of_blocks() -> None:
    lines = line(0, "a steal"), line(1, "b look"), line(2, "c steal"), line(3, "d look")
    assert killed(limited(BLOCKS), *lines) == ("allow", None)


def test_a_grant_by_a_later_claim_ends_a_row_of_blocks() -> None:
    lines = (
        line(0, "a pay"),
        line(1, "b steal"),
        line(2, "c steal", approved=["a"]),
        line(3, "d look"),
    )
    assert killed(limited(BLOCKS), *lines) == ("allow", None)


def test_a_response_that_only_asks_is_no_block() -> None:
    lines = line(0, "a steal"), line(1, "b pay"), line(2, "c look")
    assert killed(limited(BLOCKS), *lines) == ("allow", None)


def test_a_response_with_a_denial_and_a_grant_is_no_block() -> None:
    desk = limited(BLOCKS, gate="strip_partial")
    lines = line(0, "a steal", "b look"), line(1, "c steal", "d look"), line(2, "e look")
    assert killed(desk, *lines) == ("allow", None)


def test_the_last_line_can_kill() -> None:
    rows, summary = outcome(limited(BLOCKS), line(0, "a steal"), line(1, "b steal"))
    assert rows[1].layer == 3
    assert summary.kill_reason == "consecutive_blocks"


def test_failures_in_a_row_kill_and_a_success_ends_the_row() -> None:
    failing = line(0, "a look", failed=["a"]), line(1, "b look", failed=["b"])
    assert killed(limited(ERRORS), *failing, line(2, "c look")) == (
        "session_killed",
        "consecutive_errors",
    )
    mixed = (
        line(0, "a look", failed=["a"]),
        line(1, "b look", outputs={"b": {}}),
        line(2, "c look", failed=["c"]),
        line(3, "d look"),
    )
    assert killed(limited(ERRORS), *mixed) == ("allow", None)


def test_a_late_failure_kills_before_its_lines_own_calls() -> None:
    lines = line(0, "a look", "b look"), line(1, "c look", failed=["a", "b"])
    assert killed(limited(ERRORS), *lines) == ("session_killed", "consecutive_errors")


def test_failures_of_a_lines_own_calls_kill_from_the_next_line_on() -> None:
    lines = line(0, "a look", "b look", failed=["a", "b"]), line(1, "c look")
    assert told(limited(ERRORS), *lines) == [
        "a allow granted",
        "b allow granted",
        "c deny 1 session_killed",
    ]


def test_a_claim_after_a_kill_is_denied() -> None:
    lines = (
        line(0, "a pay"),
        line(1, "b steal"),
        line(2, "c steal"),
        line(3, approved=["a"]),
    )
    assert told(limited(BLOCKS), *lines)[0] == "a ask session_killed"


def test_a_response_that_is_granted_by_its_own_approval_is_no_block() -> None:
    desk = limited({"circuit_breaker": {"consecutive_blocks": 1}}, gate="strip_partial")
    lines = line(0, "a steal", "b pay", approved=["b"]), line(1, "c look")
    assert killed(desk, *lines) == ("allow", None)
    refused = line(0, "a steal", "b pay", approved=["a"]), line(1, "c look")
    assert killed(desk, *refused) == ("session_killed", "consecutive_blocks")


def test_a_claim_that_is_denied_is_no_block() -> None:
    desk = limited(
        {"circuit_breaker": {"consecutive_blocks": 1}},
        labels=[{"when": {"risk": "high"}, "deny": ["pay"]}],
    )
    lines = line(0, "a pay"), line(1, approved=["a"], labels={"risk": "high"}), line(2, "b look")
    assert told(desk, *lines) == ["a ask labeled", "b allow granted"]
