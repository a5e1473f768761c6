"""The page of reasons has every code, in the layers that give it."""

from collections import defaultdict
from pathlib import Path

from placet.policy.cases.read import read_table
from placet.policy.cases.table import Table
from placet.policy.cases.trials import CallTrial, ResponseTrial, trials
from placet.policy.decision import Code, Decision
from placet.policy.evaluate import evaluate, evaluate_response
from placet.policy.reason_codes import GROUPS, REASONS, reasons_page

CASES = Path(__file__).parent / "cases"


def decided() -> list[Decision]:
    """Return what is decided on each call of the case tables."""
    found: list[Decision] = []
    for path in sorted(CASES.glob("*.yaml")):
        table = read_table(path.read_bytes(), "yaml")
        assert isinstance(table, Table)
        if table.contract_path is not None:
            continue
        for one in trials(table)[0]:
            if isinstance(one, CallTrial):
                found.append(evaluate(one.policy, one.facts, one.call))
            elif isinstance(one, ResponseTrial):
                answer = evaluate_response(one.policy, one.facts, one.calls)
                found += [verdict.decision for verdict in answer.calls]
    return found


def test_every_code_is_told_once() -> None:
    told = [one.code for _, group in GROUPS for one in group]
    assert sorted(told) == sorted(Code)
    assert set(REASONS) == set(Code)
    assert all(one.says.endswith(".") for one in REASONS.values())


def test_a_code_is_given_by_the_layers_that_it_is_told_of() -> None:
    seen: defaultdict[Code, set[int]] = defaultdict(set)
    for decision in decided():
        for reason in decision.reasons:
            assert decision.layer is not None
            seen[reason.code].add(decision.layer)
    wrong = {code: layers for code, layers in seen.items() if not layers <= {*REASONS[code].layers}}
    assert wrong == {}
    never = {code for code, one in REASONS.items() if set(one.layers) - seen[code]}
    assert never == set()


def test_the_page_has_a_line_for_each_code() -> None:
    lines = reasons_page().splitlines()
    for code in Code:
        assert len([line for line in lines if line.startswith(f"| `{code}` |")]) == 1
