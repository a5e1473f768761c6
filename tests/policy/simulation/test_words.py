"""A simulation in words, for people."""

from tests.policy.simulation.recording import line, outcome, policy

from placet.policy.simulation.words import Tally

DESK = policy(
    {"limits": {"circuit_breaker": {"consecutive_blocks": 12}}},
    look={},
    pay={"requires": [{"tool": "look"}]},
    steal={"decision": "deny"},
)


def text(*lines: object) -> list[str]:
    rows, summary = outcome(DESK, *lines)  # type: ignore[arg-type]  # -- lines
    tally = Tally()
    for row in rows:
        tally.add(row)
    return tally.text(summary).splitlines()


def test_tools_are_counted_in_a_table_by_name() -> None:
    found = text(line(0, "a steal"), line(1, "b look", "c look"))
    assert [one.split() for one in found[:3]] == [
        ["tool", "calls", "allow", "deny", "ask", "granted"],
        ["look", "2", "2", "0", "0", "2"],
        ["steal", "1", "0", "1", "0", "0"],
    ]


def test_the_first_denials_are_shown_with_their_reasons_and_the_others_counted() -> None:
    found = text(*(line(n, f"c{n} steal") for n in range(11)))
    assert "denied (the first 10 of 11):" in found
    assert "  step 10, steal, call c9" in found
    assert "  step 11, steal, call c10" not in found
    assert "    denied: `steal` is denied (tools.steal.decision)" in found


def test_denials_that_cannot_be_judged_are_shown_apart() -> None:
    found = text(line(0, "a look"), line(1, "b pay"), line(2, "c steal"))
    assert found.index("denied (1):") < found.index("denied, but cannot be judged (1):")
    assert any("call `a` of `look` (step 1)" in one for one in found)
    assert found[-1] == (
        "3 steps: 1 allowed, 2 denied, 0 asked for; 1 of the denials cannot be judged"
    )


def test_the_last_line_tells_of_ignored_results_and_of_a_kill() -> None:
    lines = [line(n, f"c{n} steal", outputs={f"c{n}": 1}) for n in range(12)]
    assert text(*lines)[-1] == (
        "12 steps: 0 allowed, 12 denied, 0 asked for; "
        "12 results of calls not granted were ignored; "
        "the session was killed by consecutive_blocks"
    )


def test_of_very_many_tools_the_rest_are_counted_together() -> None:
    names = [f"t{n:04d}" for n in range(1_002)]
    found = text(line(0, *(f"c{n} {name}" for n, name in enumerate(names))))
    assert sum(one.startswith(("t0", "t1")) for one in found) == 1_000
    assert any(one.startswith("(other tools)") and " 2 " in one for one in found)
