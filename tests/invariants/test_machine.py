"""A session led by made-up commands, on the database and by plain rules, without a difference.

`PLACET_ROUNDS` says how many sessions; a few by default.
"""

from collections import Counter
from os import environ

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.invariants.explored import Grounds
from tests.invariants.machine import Command, Machine
from tests.invariants.python_mutants import (
    CLAIMED_FAILURE_FREES_THE_KEY,
    LIMIT_COUNTS_COMMITS_ONLY,
    PythonMutant,
    patched,
)
from tests.invariants.stage import Stage

ROUNDS = int(environ.get("PLACET_ROUNDS", "30"))
STEPS = 40
WORDS = ("succeeded", "failed", "timed_out", "unknown")
NAMES = (
    *("take", "steal", "release", "kill", "close", "sweep", "settle"),
    *("note", "refund", "start", "report") * 3,
)
COMMANDS = st.tuples(
    st.sampled_from(NAMES), st.integers(0, 1), st.integers(0, 5), st.sampled_from(WORDS)
)
SEEN: Counter[tuple[str, str]] = Counter()
MUST_BE_SEEN = {
    ("take", "ok"),
    ("take", "lease_held"),
    ("take", "session_killed"),
    ("steal", "ok"),
    ("release", "ok"),
    ("release", "lease_lost"),
    ("note", "ok"),
    ("note", "lease_lost"),
    ("note", "session_killed"),
    ("refund", "ok"),
    ("start", "ok"),
    ("start", "transition_not_allowed"),
    ("report", "ok"),
    ("settle", "ok"),
    ("settle", "transition_not_allowed"),
    ("kill", "ok"),
    ("close", "ok"),
    ("close", "session_killed"),
    ("sweep", "ok"),
}


@pytest.fixture(scope="module")
async def grounds(stage: Stage) -> Grounds:
    """A tenant in production."""
    return await Grounds.laid(stage)


# A difference is told with its command; to look for a shorter way there would take minutes.
@settings(
    max_examples=ROUNDS,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
)
@given(commands=st.lists(COMMANDS, min_size=STEPS // 4, max_size=STEPS))
async def test_the_database_and_the_plain_rules_say_the_same(
    grounds: Grounds, commands: list[Command]
) -> None:
    machine = await Machine.begun(grounds, SEEN)
    for command in commands:
        assert await machine.run(command) == []


def test_every_command_came_to_what_it_can_come_to() -> None:
    assert MUST_BE_SEEN - SEEN.keys() == set()


@pytest.mark.parametrize(
    "mutant",
    [CLAIMED_FAILURE_FREES_THE_KEY, LIMIT_COUNTS_COMMITS_ONLY],
    ids=lambda mutant: mutant.name,
)
async def test_rules_that_leave_something_out_differ(
    grounds: Grounds, mutant: PythonMutant
) -> None:
    machine = await Machine.begun(grounds, Counter())
    with patched(mutant):
        found = [
            *await machine.run(("note", 0, 0, "")),
            *await machine.run(("refund", 0, 0, "")),
            *await machine.run(("report", 0, 1, "failed")),
            *await machine.run(("note", 0, 0, "")),
        ]
    assert found != []
