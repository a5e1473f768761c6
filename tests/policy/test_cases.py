"""The case tables: what a reviewer can read is what the evaluator answers."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import UNSET

from placet.cli.policy.test import trials_at
from placet.policy.cases.judge import judge
from placet.policy.cases.model import Expected, ExpectedCall, Outcome
from placet.policy.cases.read import read_table
from placet.policy.cases.rules import RuleTrial
from placet.policy.cases.table import Table
from placet.policy.cases.trials import Trial
from placet.policy.decision import Code
from placet.policy.model import AggregateOp, AggregateScope, Rule

CASES = Path(__file__).parent / "cases"
FILES = sorted(CASES.iterdir())
OPERATORS = set(Rule.__struct_fields__) - {"path"}
UNWRITABLE = {Code.EVALUATION_FAILED}  # no facts that a table can hold make the evaluator fail


def loaded(file: Path) -> list[Trial]:
    made, faults = trials_at(str(file))
    assert not faults, faults
    return made


def table(file: Path) -> Table:
    found = read_table(file.read_bytes(), "yaml")
    assert isinstance(found, Table), found
    return found


TRIALS = [(file.stem, trial) for file in FILES for trial in loaded(file)]
TABLES = [table(file) for file in FILES]


@pytest.mark.parametrize(
    "trial", [pytest.param(trial, id=f"{file}: {trial.name}") for file, trial in TRIALS]
)
def test_a_case_comes_out_as_its_table_says(trial: Trial) -> None:
    result = judge(trial)
    assert result.is_passed, "\n".join([*map(str, result.mismatches), *result.said])


def test_the_folder_holds_case_tables_and_nothing_else() -> None:
    assert [file.name for file in FILES if file.suffix != ".yaml"] == []


def test_there_are_hundreds_of_cases_beside_those_of_single_operators() -> None:
    written = [case for one in TABLES for case in one.file.cases]
    assert len(written) >= 350
    assert sum(case.rule is UNSET for case in written) >= 250


def expected_codes(expect: Expected) -> Iterator[Code]:
    for codes in (expect.codes, *(c.codes for c in detailed(expect))):
        yield from () if codes is UNSET else codes
    yield from () if expect.reasons is UNSET else (one.code for one in expect.reasons)
    yield from () if expect.hidden is UNSET else expect.hidden.values()


def detailed(expect: Expected) -> list[ExpectedCall]:
    calls = () if expect.calls is UNSET else expect.calls
    return [one for one in calls if isinstance(one, ExpectedCall)]


def outcomes(expect: Expected) -> Iterator[Outcome]:
    for one in () if expect.calls is UNSET else expect.calls:
        yield one.outcome if isinstance(one, ExpectedCall) else one


EXPECTED = [trial.expect for _, trial in TRIALS if not isinstance(trial, RuleTrial)]


def test_every_code_is_expected_by_some_case() -> None:
    codes = {code for expect in EXPECTED for code in expected_codes(expect)}
    assert set(Code) - codes == UNWRITABLE


def test_every_outcome_of_a_response_is_expected_by_some_case() -> None:
    assert {outcome for expect in EXPECTED for outcome in outcomes(expect)} == set(Outcome)


def test_every_layer_is_expected_by_some_case() -> None:
    assert {one.layer for one in EXPECTED} - {UNSET} == set(range(1, 12))


def test_every_operator_has_documents_that_it_holds_for_and_documents_that_it_fails_for() -> None:
    held: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for case in (case for one in TABLES for case in one.file.cases):
        if case.rule is not UNSET:
            names = [name for name in OPERATORS if getattr(case.rule, name) is not UNSET]
            held.update(names * (case.holds is not UNSET))
            failed.update(names * (case.fails is not UNSET))
    assert set(held) == set(failed) == OPERATORS


@pytest.mark.parametrize("kind", [*AggregateOp, *AggregateScope])
def test_every_kind_of_aggregate_is_in_some_table(kind: AggregateOp | AggregateScope) -> None:
    text = (CASES / "aggregates.yaml").read_text("utf-8")
    key = "op" if isinstance(kind, AggregateOp) else "scope"
    assert f"{key}: {kind}" in text or kind is AggregateScope.SESSION
