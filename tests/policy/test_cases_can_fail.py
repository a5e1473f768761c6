"""Every kind of rule that is left out, and every expectation turned round, fails some case."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, assert_never

import msgspec
import pytest
from msgspec import UNSET

from placet.cli.policy.test import trials_at
from placet.policy.cases.judge import judge
from placet.policy.cases.model import CaseFile, Outcome, Override
from placet.policy.cases.read import read_table
from placet.policy.cases.rules import RuleTrial
from placet.policy.cases.table import Table
from placet.policy.cases.trials import CallTrial, NarrowTrial, ResponseTrial, Trial, trials
from placet.policy.decision import Code
from placet.policy.model import Limits

Turned = TypeVar("Turned", bound=msgspec.Struct)

FILES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
RULE_KINDS = (
    "session.phases",
    "session.transitions",
    "session.risk_defaults",
    "session.unmatched_tools",
    "session.gate",
    "session.principals",
    "session.bindings",
    "session.aggregates",
    "session.envelopes",
    "session.labels",
    *(f"session.limits.{name}" for name in Limits.__struct_fields__),
    "session.limits.circuit_breaker.consecutive_blocks",
    "session.limits.circuit_breaker.consecutive_errors",
    "tools.decision",
    "tools.phases",
    "tools.phases.advances_to",
    "tools.requires",
    "tools.requires.output",
    "tools.requires.same",
    "tools.requires.within_seconds",
    "tools.forbidden_after",
    "tools.input_schema",
    "tools.arguments",
    "tools.when",
    "tools.checkpoint",
    "tools.checkpoint.all_of",
    "tools.checkpoint.expires_seconds",
    "tools.checkpoint.reason_required",
    "tools.binds",
    "tools.effect_key",
    "tools.volatile",
    "session.aggregates.window_seconds",
    "session.aggregates.scope",
    "session.principals.where",
)


def table(file: Path) -> Table:
    found = read_table(file.read_bytes(), "yaml")
    assert isinstance(found, Table), found
    return found


TABLES = [one for one in map(table, FILES) if one.contract_path is None]


def dropped(value: Any, path: list[str]) -> Any:  # noqa: ANN401 -- any part of a document
    """Return a part of a contract with nothing at a path; lists are gone through."""
    if isinstance(value, list):
        return [dropped(one, path) for one in value]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    if len(path) == 1:
        return {key: inner for key, inner in value.items() if key != path[0]}
    return value | {path[0]: dropped(value[path[0]], path[1:])}


def without(document: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return a contract, or what a case changes in it, without any rule of a kind."""
    part, *path = kind.split(".")
    given = document.get(part, {})
    if part == "tools" and isinstance(given, dict):
        return document | {part: {name: dropped(tool, path) for name, tool in given.items()}}
    return document | {part: dropped(given, path)}


def stripped(file: CaseFile, kind: str) -> CaseFile:
    """Return a table in which no contract has a rule of a kind."""
    cases = (
        case
        if case.contract is UNSET
        else msgspec.structs.replace(
            case, contract=Override(**without(msgspec.structs.asdict(case.contract), kind))
        )
        for case in file.cases
    )
    contract = file.contract
    if isinstance(contract, dict):
        contract = without(contract, kind)
    return msgspec.structs.replace(file, contract=contract, cases=tuple(cases))


def is_noticed(one: Table, kind: str) -> bool:
    """Say whether some case of a table fails once a kind of rule is gone."""
    file = stripped(one.file, kind)
    if file == one.file:
        return False
    made, faults = trials(Table(file, one.document))
    return bool(faults) or not all(judge(trial).is_passed for trial in made)


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_a_kind_of_rule_that_were_not_looked_at_would_fail_some_case(kind: str) -> None:
    assert any(is_noticed(one, kind) for one in TABLES)


def turned(one: Turned) -> Iterator[Turned]:
    """Yield what is expected with one thing of it turned round, for each thing."""
    for name in one.__struct_fields__:
        value = getattr(one, name)
        if value is not UNSET:
            for other in TURNS[name](value):
                yield msgspec.structs.replace(one, **{name: other})


def seconds(value: float | None) -> list[float | None]:
    return [0.0] if value is None else [value + 0.000001, value - 0.000001, None]


def shorter(values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    return [values[:index] + values[index + 1 :] for index in range(len(values))]


def inside(values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the values with one of them turned round, for each way to do so."""
    return [
        (*values[:index], other, *values[index + 1 :])
        for index, one in enumerate(values)
        for other in (TURNS["outcome"](one) if isinstance(one, Outcome) else turned(one))
    ]


def hidden(tools: dict[str, Code]) -> list[dict[str, Code]]:
    fewer = [{key: one for key, one in tools.items() if key != tool} for tool in tools]
    other = [tools | {tool: Code.EVALUATION_FAILED} for tool in tools]
    return [*fewer, *other, tools | {"a tool": Code.DENIED}]


TURNS: dict[str, Callable[[Any], Iterable[Any]]] = {
    "verdict": lambda value: {"allow", "deny", "ask"} - {value},
    "outcome": lambda value: set(Outcome) - {value},
    "layer": lambda value: [value % 11 + 1],
    "code": lambda _: [Code.EVALUATION_FAILED],
    "codes": lambda value: [*shorter(value), (*value, Code.EVALUATION_FAILED)],
    "offered": lambda value: [*shorter(value), (*value, "a tool")],
    "hidden": hidden,
    "reasons": lambda value: [*shorter(value), *inside(value)],
    "all_of": lambda value: [*shorter(value), *inside(value)],
    "calls": inside,
    "holds_from": seconds,
    "holds_until": seconds,
    "text": lambda value: [not value],
    "reason_required": lambda value: [not value],
    "expires_seconds": lambda value: [value + 1],
    "count": lambda value: [value + 1],
    "rule": lambda value: [f"{value}x"],
    "detail": lambda value: [f"{value}x"],
    "needs": lambda value: [f"{value}x"],
    "role": lambda value: [f"{value}x"],
}


def expecting(trial: Trial) -> Iterator[Trial]:
    """Yield a trial with one thing that it expects turned round, for each thing."""
    match trial:
        case RuleTrial():
            yield dataclasses.replace(trial, holds=not trial.holds)
        case CallTrial() | ResponseTrial() | NarrowTrial():
            for expect in turned(trial.expect):
                yield dataclasses.replace(trial, expect=expect)
        case _:
            assert_never(trial)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_any_one_expectation_turned_round_fails_its_case(file: Path) -> None:
    made, faults = trials_at(str(file))
    assert not faults
    for trial in made:
        wrong = list(expecting(trial))
        assert wrong, trial.name
        for other in wrong:
            result = judge(other)
            assert not result.is_passed, other
            assert result.name == trial.name
