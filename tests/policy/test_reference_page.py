"""The reference page of the language has every key and operator, and its examples work."""

import re
from pathlib import Path

import msgspec
import pytest

from placet.kernel.principal import Environment
from placet.kernel.value import Input
from placet.policy import model
from placet.policy.cases.judge import judge
from placet.policy.cases.read import read_table
from placet.policy.cases.table import Table
from placet.policy.cases.trials import trials
from placet.policy.checks.check import check_contract
from placet.policy.finding import Strength
from placet.policy.model import Contract
from placet.policy.simulation.lines import read_line
from placet.policy.text.directory import parse_directory
from placet.policy.text.parse import Located, parse_contract

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "contract.md").read_text()
TABLES: dict[str, type[Input]] = {
    "The whole": model.Contract,
    "`session`": model.SessionRules,
    "`session.phases`": model.Phase,
    "`session.limits`": model.Limits,
    "`session.limits.loop`": model.Loop,
    "`session.limits.circuit_breaker`": model.CircuitBreaker,
    "`session.principals`": model.PrincipalRule,
    "`session.bindings`": model.Binding,
    "`session.aggregates`": model.Aggregate,
    "`session.envelopes`": model.Envelope,
    "`session.labels`": model.LabelRule,
    "`tools`": model.ToolContract,
    "`tools[].phases`": model.ToolPhases,
    "`tools[].requires`": model.Requirement,
    "`tools[].requires[].same`": model.Same,
    "`tools[].checkpoint`": model.Checkpoint,
    "`tools[].checkpoint.all_of`": model.Approvers,
    "`tools[].binds`": model.Bind,
    "`tools[].timeouts`": model.Timeouts,
    "`tools[].retries`": model.Retries,
    "`tools[].reconcile`": model.Reconcile,
}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading."""
    _, _, below = PAGE.partition(f"\n{heading}\n")
    table = re.search(r"(?:^\|.*\n)+", below.partition("\n#")[0], re.MULTILINE)
    assert table is not None, heading
    lines = table[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


CONTRACTS = [text for text in blocks("yaml") if text.startswith("schema_version")]
FILES = [text for text in blocks("yaml") if text.startswith("# ")]
CASES = [text for text in blocks("yaml") if text.startswith("contract:")]


def test_every_mapping_of_the_language_has_a_table() -> None:
    kinds = {
        kind
        for kind in vars(model).values()
        if isinstance(kind, type) and issubclass(kind, Input) and kind is not Input
    }
    assert kinds - set(TABLES.values()) == {model.Rule}


@pytest.mark.parametrize("heading", TABLES)
def test_a_table_has_every_key_and_says_which_are_needed(heading: str) -> None:
    fields = msgspec.structs.fields(TABLES[heading])
    table = {cells[0].strip("`"): cells for cells in rows(f"### {heading}")}
    assert sorted(table) == sorted(field.encode_name for field in fields)
    needed = {field.encode_name for field in fields if field.required}
    assert {name for name, cells in table.items() if not cells[2]} == needed


def test_every_operator_is_told_in_the_order_of_the_language() -> None:
    names = [cells[0].strip("`") for cells in rows("## Rules on values")]
    fields = [field.name for field in msgspec.structs.fields(model.Rule)]
    assert names == fields[1:]


def test_the_layers_are_told_in_their_order() -> None:
    assert [int(cells[0]) for cells in rows("## The eleven layers")] == list(range(1, 12))


def test_every_example_is_of_a_kind_that_is_tried() -> None:
    assert len(CONTRACTS) + len(FILES) + len(CASES) == len(blocks("yaml"))
    assert min(len(CONTRACTS), len(FILES), len(CASES), len(blocks("json"))) > 0


def findings(contract: Contract) -> list[str]:
    strength = {tool.tool: Strength.VERIFIED for tool in contract.tools}
    return [one.code for one in check_contract(contract, Environment.PRODUCTION, strength)]


@pytest.mark.parametrize("text", CONTRACTS, ids=range(len(CONTRACTS)))
def test_a_contract_of_the_page_has_no_finding(text: str) -> None:
    contract = parse_contract(text.encode(), "yaml")
    assert isinstance(contract, Contract), contract
    assert findings(contract) == []


def test_the_directory_of_the_page_has_no_finding() -> None:
    files = {text.splitlines()[0].removeprefix("# "): text.encode() for text in FILES}
    found = parse_directory(files)
    assert isinstance(found, Located), found
    assert findings(found.contract) == []


@pytest.mark.parametrize("text", CASES, ids=range(len(CASES)))
def test_a_case_table_of_the_page_passes(text: str) -> None:
    table = read_table(text.encode(), "yaml")
    assert isinstance(table, Table), table
    ready, faults = trials(table)
    assert faults == []
    assert len(ready) > 1
    assert [one.name for one in ready if not judge(one).is_passed] == []


@pytest.mark.parametrize("text", blocks("json"), ids=range(len(blocks("json"))))
def test_recorded_calls_of_the_page_can_be_read(text: str) -> None:
    times = [read_line(line.encode()).at for line in text.splitlines()]
    assert times == sorted(times)
