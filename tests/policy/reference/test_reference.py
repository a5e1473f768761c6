"""The package against a slow and obvious reading of the contract language, on made examples."""

import json
from collections import Counter
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.policy.reference.compare import comparable, difference, expected, told
from tests.policy.reference.corners import CORNERS
from tests.policy.reference.coverage import EXPECTED, met
from tests.policy.reference.generate import Example, examples
from tests.policy.reference.oracle import Simulation
from tests.policy.reference.regressions import REGRESSIONS, Regression
from tests.policy.reference.shrinking import shrunk

EXAMPLES: Final = 3_000
MET_MIN: Final = 20
IN_ORDER: Final = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def is_bad(example: Example) -> bool:
    """Tell whether the package and the oracle differ, or one of them cannot take the example."""
    try:
        return difference(told(*example), expected(*example)) is not None
    except Exception:  # noqa: BLE001 -- whatever it is, it is not a difference of answers
        return False


def in_words(example: Example) -> str:
    """Return a small example of the same kind, with both answers."""
    contract, lines = shrunk(example, is_bad)
    pair = difference(told(contract, lines), expected(contract, lines))
    return "\n".join([json.dumps(contract), *map(json.dumps, lines), str(pair)])


def test_the_package_prints_what_the_page_of_the_language_says() -> None:
    seen: Counter[str] = Counter()

    @IN_ORDER
    @given(examples())
    def run(example: Example) -> None:
        simulation = Simulation(*example)
        printed = simulation.run()
        seen.update(met(simulation, printed))
        assert difference(told(*example), comparable(printed)) is None, in_words(example)

    run()
    scarce = {what: seen[what] for what in EXPECTED if seen[what] < MET_MIN}
    assert not scarce, "the examples seldom come by these, so they compare little"


@pytest.mark.parametrize("case", CORNERS, ids=lambda case: case.name)
def test_a_corner_that_chance_seldom_finds_is_as_the_page_says(case: Regression) -> None:
    assert_rows(case)


@pytest.mark.parametrize("case", REGRESSIONS, ids=lambda case: case.name)
def test_what_once_was_read_in_two_ways_is_read_in_one(case: Regression) -> None:
    assert_rows(case)


def assert_rows(case: Regression) -> None:
    """Both answer what the case says, and the same in every column."""
    theirs = expected(case.contract, case.lines)
    pairs = zip(theirs, case.rows, strict=False)
    assert [{key: row[key] for key in wanted} for row, wanted in pairs] == case.rows
    assert told(case.contract, case.lines) == theirs
