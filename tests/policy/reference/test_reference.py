"""The package against a slow and obvious reading of the contract language, on made examples."""

import json
from collections import Counter
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from tests.policy.reference.compare import difference, expected, told
from tests.policy.reference.coverage import EXPECTED, met
from tests.policy.reference.generate import Example, examples
from tests.policy.reference.operators import Doc
from tests.policy.reference.oracle import Simulation
from tests.policy.reference.regressions import REGRESSIONS, Regression
from tests.policy.reference.shrinking import shrunk

EXAMPLES: Final = 2_200
MET_MIN: Final = 30
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
        return difference(*example) is not None
    except Exception:  # noqa: BLE001 -- whatever it is, it is not a difference of answers
        return False


def in_words(example: Example) -> str:
    """Return a small example of the same kind, with both answers."""
    contract, lines = shrunk(example, is_bad)
    texts = [json.dumps(contract), *map(json.dumps, lines), str(difference(contract, lines))]
    return "\n".join(texts)


def test_the_package_prints_what_the_page_of_the_language_says() -> None:
    seen: Counter[str] = Counter()

    @IN_ORDER
    @given(examples())
    def run(example: Example) -> None:
        simulation = Simulation(*example)
        seen.update(met(simulation, simulation.run()))
        assert difference(*example) is None, in_words(example)

    run()
    scarce = {what: seen[what] for what in EXPECTED if seen[what] < MET_MIN}
    assert not scarce, "the examples seldom come by these, so they compare little"


@pytest.mark.parametrize("case", REGRESSIONS, ids=lambda case: case.name)
def test_what_once_was_read_in_two_ways_is_read_in_one(case: Regression) -> None:
    contract, lines = case.contract, case.lines

    def columns(rows: list[Doc]) -> list[Doc]:
        return [
            {key: row[key] for key in wanted} for row, wanted in zip(rows, case.rows, strict=False)
        ]

    assert columns(expected(contract, lines)) == case.rows
    assert told(contract, lines) == expected(contract, lines)
