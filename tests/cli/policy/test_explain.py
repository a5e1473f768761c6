"""`placet policy explain`: what is printed, and how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from placet.cli.policy.explain import explain

EXAMPLE = Path(__file__).parents[2] / "policy" / "example.yaml"
REFUND = '{"order_id": "ord_12345678", "amount_cents": 90000}'
FACTS = """
phase: verified
principal: {department: support, on_probation: false}
slots: {order_total: 40000}
committed:
  - {tool: lookup_order, arguments: {order_id: ord_12345678}, output: {status: delivered}}
"""


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(explain, [str(one) for one in arguments], input=stdin)


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """A file with facts under which a refund gets as far as its arguments."""
    path = tmp_path / "facts.yaml"
    path.write_text(FACTS, "utf-8")
    return path


def test_the_session_is_explained_and_then_each_tool() -> None:
    result = run(EXAMPLE)
    assert result.exit_code == 0
    heads = [line for line in result.stdout.splitlines() if line and not line.startswith(" ")]
    assert heads == [
        "refund-desk",
        "the session",
        "lookup_order: read, allowed where its rules hold",
        "get_refund: read, allowed where its rules hold",
        "change_payout_account: write, allowed where its rules hold",
        "close_case: write, allowed where its rules hold",
        "issue_refund: financial, asked about where its rules hold",
    ]
    assert "   6  `$.amount_cents` is at most `50000`" in result.stdout


def test_one_tool_is_explained_by_itself() -> None:
    result = run(EXAMPLE, "--tool", "lookup_order")
    assert result.stdout.startswith("lookup_order: read")
    assert "issue_refund" not in result.stdout
    printed = json.loads(run(EXAMPLE, "--tool", "lookup_order", "--json").stdout)
    assert [tool["tool"] for tool in printed["tools"]] == ["lookup_order"]


def test_a_tool_that_is_not_there_is_a_usage_error_with_the_nearest_name() -> None:
    result = run(EXAMPLE, "--tool", "isue_refund")
    assert result.exit_code == 2
    assert "did you mean `issue_refund`?" in result.stderr


def test_a_call_is_decided_in_a_session_that_begins_with_it() -> None:
    result = run(EXAMPLE, "--call", "issue_refund", REFUND)
    assert result.exit_code == 0
    assert result.stdout.startswith("`issue_refund` is denied in layer 2")


def test_a_call_is_decided_by_the_facts_of_a_file(facts: Path) -> None:
    result = run(EXAMPLE, "--call", "issue_refund", REFUND, "--facts", facts)
    assert result.stdout.splitlines() == [
        "`issue_refund` is denied in layer 6, the arguments",
        "  - `$.amount_cents`: the value is out of bounds",
        "    rule:   tools.issue_refund.arguments[0].lte (argument_out_of_bounds)",
        "    needed: `$.amount_cents` is at most `50000`",
    ]


def test_the_json_of_a_call_is_its_decision_and_what_it_says(facts: Path) -> None:
    result = run(EXAMPLE, "--call", "issue_refund", REFUND, "--facts", facts, "--json")
    printed = json.loads(result.stdout)
    assert (printed["tool"], printed["verdict"], printed["layer"]) == ("issue_refund", "deny", 6)
    assert [reason["code"] for reason in printed["reasons"]] == ["argument_out_of_bounds"]
    assert printed["says"].startswith("`issue_refund` is denied in layer 6")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("phase: 1\n", "line 1, column 8"),
        ("fase: a\n", "line 1, column 1"),
        ("phase: [\n", "line"),
        ("at: yesterday\n", "yesterday"),
    ],
)
def test_facts_that_are_none_are_a_usage_error(text: str, told: str, facts: Path) -> None:
    facts.write_text(text, "utf-8")
    result = run(EXAMPLE, "--call", "issue_refund", REFUND, "--facts", facts)
    assert result.exit_code == 2
    assert told in result.stderr


def test_facts_without_a_call_are_a_usage_error(facts: Path) -> None:
    assert run(EXAMPLE, "--facts", facts).exit_code == 2


def test_a_contract_with_errors_ends_with_1_and_names_them(tmp_path: Path) -> None:
    broken = tmp_path / "contract.yaml"
    text = EXAMPLE.read_text("utf-8").replace("path: $.amount_cents, gte: 1", "path: x, gte: 1")
    broken.write_text(text, "utf-8")
    result = run(broken)
    assert result.exit_code == 1
    assert "bad_path" in result.stdout


def test_the_help_has_examples() -> None:
    assert "placet policy explain contract.yaml --tool issue_refund" in run("--help").stdout
