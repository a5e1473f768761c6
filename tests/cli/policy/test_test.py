"""`placet policy test`: what is printed, and how it ends."""

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner, Result

from placet.cli.policy.test import test as command

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "test-a-contract.md"
CASES = Path(__file__).parents[2] / "policy" / "cases"
CONTRACT = """schema_version: "1"
agent: desk
tools:
  - tool: pay
    side_effect: write
    evidence_class: ack_only
    commit_requirement: acknowledged
    decision: allow
    arguments: [{path: $.amount, lte: 5}]
"""
TABLE = """contract: ../contract.yaml
cases:
  - {name: on the bound, call: {tool: pay, arguments: {amount: 5}}, expect: {verdict: allow}}
  - name: outside
    call: {tool: pay, arguments: {amount: 6}}
    expect: {verdict: deny, layer: 6, codes: [argument_out_of_bounds]}
"""
WRONG = TABLE.replace("amount: 5", "amount: 7")


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments], input=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for case files, with a contract beside it."""
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    (tmp_path / "cases").mkdir()
    return tmp_path / "cases"


def test_cases_that_pass_exit_0_and_are_counted(folder: Path) -> None:
    (folder / "bounds.yaml").write_text(TABLE)
    result = run(folder)
    assert (result.exit_code, result.stdout) == (0, "2 cases in 1 file: 2 passed, 0 failed\n")


def test_a_case_that_fails_exits_1_and_is_named_with_its_place_and_the_reasons(
    folder: Path,
) -> None:
    (folder / "bounds.yaml").write_text(WRONG)
    result = run(folder)
    assert result.exit_code == 1
    assert f"{folder / 'bounds.yaml'}:3: FAILED on the bound\n" in result.stdout
    assert "  verdict: expected allow, got deny\n" in result.stdout
    assert "argument_out_of_bounds at `tools.pay.arguments[0].lte`" in result.stdout
    assert result.stdout.endswith("2 cases in 1 file: 1 passed, 1 failed\n")


def test_the_json_report_has_every_case_and_a_summary(folder: Path) -> None:
    (folder / "bounds.yaml").write_text(WRONG)
    result = run(folder, "--json")
    report = json.loads(result.stdout)
    assert (result.exit_code, report["summary"]) == (1, {"cases": 2, "passed": 1, "failed": 1})
    first, second = report["cases"]
    assert (first["name"], first["passed"], first["line"]) == ("on the bound", False, 3)
    assert first["file"] == str(folder / "bounds.yaml")
    assert first["mismatches"][0] == {"what": "verdict", "expected": "allow", "got": "deny"}
    assert (second["passed"], second["mismatches"]) == (True, [])


def test_the_junit_report_has_a_suite_for_a_file_and_a_test_for_a_case(folder: Path) -> None:
    (folder / "bounds.yaml").write_text(WRONG)
    (folder / "more.yaml").write_text(TABLE)
    report = folder.parent / "report.xml"
    assert run(folder, "--junit", report).exit_code == 1
    suites = ET.fromstring(report.read_text("utf-8"))  # noqa: S314 -- we wrote it
    assert (suites.tag, suites.get("tests"), suites.get("failures")) == ("testsuites", "4", "1")
    assert [one.get("name") for one in suites] == [
        str(folder / name) for name in ("bounds.yaml", "more.yaml")
    ]
    assert [(one.get("tests"), one.get("failures")) for one in suites] == [("2", "1"), ("2", "0")]
    failed = suites.findall(".//testcase[failure]")
    assert [(one.get("name"), one.get("line")) for one in failed] == [("on the bound", "3")]
    (failure,) = failed[0]
    assert failure.get("message") == "verdict: expected allow, got deny"
    assert "argument_out_of_bounds" in (failure.text or "")


def test_a_name_that_xml_cannot_hold_makes_a_report_that_can_be_read(folder: Path) -> None:
    text = WRONG.replace("{name: on the bound", '{name: "a \\"q\\" <b> & \\u0001 ]]>"')
    (folder / "odd.yaml").write_text(text)
    report = folder.parent / "report.xml"
    assert run(folder, "--junit", report).exit_code == 1
    suites = ET.fromstring(report.read_bytes())  # noqa: S314 -- we wrote it
    names = [one.get("name") for one in suites.findall(".//testcase")]
    assert names == ['a "q" <b> & \ufffd ]]>', "outside"]


def test_the_report_is_written_when_all_pass_too(folder: Path) -> None:
    (folder / "bounds.yaml").write_text(TABLE)
    report = folder.parent / "report.xml"
    assert run(folder, "--junit", report).exit_code == 0
    assert ET.fromstring(report.read_bytes()).get("failures") == "0"  # noqa: S314 -- ours


def test_a_report_that_cannot_be_written_is_told(folder: Path) -> None:
    (folder / "bounds.yaml").write_text(TABLE)
    result = run(folder, "--junit", folder / "nowhere" / "report.xml")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_an_empty_directory_exits_2(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == 2
    assert "has no case file" in result.stderr


def test_a_path_that_is_not_there_exits_3(folder: Path) -> None:
    assert run(folder / "no.yaml").exit_code == 3


MALFORMED = {
    "an empty file": "",
    "no cases": "contract: ../contract.yaml\ncases: []\n",
    "an unknown key": TABLE.replace("verdict: allow", "verdict: allow, because: x"),
    "an unknown code": TABLE.replace("argument_out_of_bounds", "out_of_bounds"),
    "a case without a name": TABLE.replace("name: outside\n    call", "call"),
    "a name that stands twice": TABLE.replace("name: outside", "name: on the bound"),
    "a case without an expectation": TABLE.replace(", expect: {verdict: allow}", ""),
    "a contract that is not there": TABLE.replace("../contract", "../contracts"),
    "a contract that is none": TABLE.replace("../contract.yaml", "bounds.yaml"),
    "what is no YAML": "cases: [",
    "what is a contract": CONTRACT,
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_case_file_exits_2_and_nothing_is_run(folder: Path, text: str) -> None:
    (folder / "bounds.yaml").write_text(text)
    (folder / "good.yaml").write_text(WRONG)
    result = run(folder)
    assert result.exit_code == 2
    assert f"{folder / 'bounds.yaml'}" in result.stdout
    assert "FAILED" not in result.stdout
    assert "cases in" not in result.stdout
    report = json.loads(run(folder, "--json").stdout)
    assert list(report) == ["findings"]
    assert all(one["file"] == str(folder / "bounds.yaml") for one in report["findings"])


def test_every_malformed_file_is_told(folder: Path) -> None:
    for name in ("a.yaml", "b.json"):
        (folder / name).write_text("{}")
    report = json.loads(run(folder, "--json").stdout)
    assert {one["file"] for one in report["findings"]} == {
        str(folder / name) for name in ("a.yaml", "b.json")
    }


def test_a_fault_of_the_contract_is_told_where_the_contract_has_it(folder: Path) -> None:
    (folder.parent / "contract.yaml").write_text(CONTRACT.replace("agent: desk", "agnet: desk"))
    (folder / "bounds.yaml").write_text(TABLE)
    result = run(folder)
    assert result.exit_code == 2
    assert "contract.yaml:2:1: error unknown_key" in result.stdout


def test_a_contract_may_be_a_directory(folder: Path) -> None:
    whole = folder.parent / "desk"
    (whole / "tools").mkdir(parents=True)
    (whole / "session.yaml").write_text('schema_version: "1"\nagent: desk\n')
    (whole / "tools" / "pay.yaml").write_text(CONTRACT.split("  - ")[1].replace("    ", ""))
    (folder / "bounds.yaml").write_text(TABLE.replace("../contract.yaml", "../desk"))
    assert run(folder).exit_code == 0


def test_files_are_taken_once_and_json_as_well_as_yaml(folder: Path) -> None:
    (folder / "bounds.json").write_text(json.dumps(yaml.safe_load(TABLE)))
    result = run(folder / "bounds.json", folder)
    assert (result.exit_code, result.stdout) == (0, "2 cases in 1 file: 2 passed, 0 failed\n")


def test_a_directory_is_gone_through_to_the_bottom(folder: Path) -> None:
    (folder / "deep" / "down").mkdir(parents=True)
    inner = TABLE.replace("../contract.yaml", "../../../contract.yaml")
    (folder / "deep" / "down" / "bounds.yml").write_text(inner)
    assert run(folder).stdout.startswith("2 cases in 1 file")


def turned(value: dict[str, Any]) -> dict[str, Any]:
    """Return what a case expects, or the documents of a rule, the other way round."""
    if "rule" in value:
        kept = {key: one for key, one in value.items() if key not in {"holds", "fails"}}
        swapped = {"holds": value.get("fails"), "fails": value.get("holds")}
        return kept | {key: one for key, one in swapped.items() if one}
    expect = value["expect"]
    if "verdict" in expect:
        is_allowed = expect["verdict"] == "allow"
        other = {"verdict": "deny", "codes": ["denied"]} if is_allowed else {"verdict": "allow"}
    elif "calls" in expect:
        other = expect | {"text": not expect.get("text", False)}
    else:
        other = {"hidden": expect.get("hidden", {}) | {"one_more": "denied"}}
    return value | {"expect": other}


@pytest.mark.parametrize("file", sorted(CASES.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_first_expectation_of_a_table_turned_round_exits_1_and_names_the_case(
    file: Path, tmp_path: Path
) -> None:
    document: Any = yaml.safe_load(file.read_bytes())
    if isinstance(document.get("contract"), str):
        document["contract"] = str((file.parent / document["contract"]).resolve())
    document["cases"][0] = turned(document["cases"][0])
    (tmp_path / "turned.json").write_text(json.dumps(document))
    result = run(tmp_path)
    assert result.exit_code == 1
    assert f"FAILED {document['cases'][0]['name']}" in result.stdout


def test_the_tables_of_this_project_pass() -> None:
    result = run(CASES)
    assert (result.exit_code, result.stdout.count("\n")) == (0, 1), result.stdout


def test_the_page_on_testing_has_a_contract_and_tables_that_pass(folder: Path) -> None:
    contract, table, rules = re.findall("```yaml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (folder.parent / "contract.yaml").write_text(contract)
    (folder / "refunds.yaml").write_text(table)
    assert run(folder).stdout == "8 cases in 1 file: 8 passed, 0 failed\n"
    (folder / "rules.yaml").write_text(rules)
    assert run(folder / "rules.yaml").exit_code == 0
    (folder.parent / "contract.yaml").write_text(contract.replace("50000", "40000"))
    told = run(folder / "refunds.yaml").stdout.replace(str(folder), "cases")
    assert told[: told.index("\n8 cases")] in PAGE.read_text("utf-8")


def test_help_shows_examples() -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert "placet policy test cases/ --junit report.xml" in result.stdout
