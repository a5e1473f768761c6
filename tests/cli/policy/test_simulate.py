"""`placet policy simulate` on files, as a shell sees it."""

import json
import os
import re
import threading
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from click.testing import CliRunner, Result

from placet.cli.main import cli, run
from placet.cli.policy import simulate as module
from placet.cli.policy.simulate import command
from placet.policy.simulation.lines import read_line
from placet.policy.simulation.report import CallLine, SummaryLine

CONTRACT: Final = """\
schema_version: "1"
agent: refund-desk
session:
  phases:
    - {name: intake, initial: true}
    - {name: verified}
    - {name: closed, terminal: true}
  transitions: {intake: [verified], verified: [closed]}
  limits:
    max_calls_per_tool: {issue_refund: 3}
    circuit_breaker: {consecutive_blocks: 3}
tools:
  - tool: lookup_order
    side_effect: read
    evidence_class: ack_only
    commit_requirement: acknowledged
    decision: allow
    phases: {valid_in: [intake, verified], advances_to: verified}
    input_schema: {type: object, properties: {order_id: {type: string}}}
  - tool: issue_refund
    side_effect: financial
    evidence_class: local_transaction
    commit_requirement: acknowledged
    phases: {valid_in: [verified]}
    input_schema: {type: object, properties: {amount: {type: integer}}}
    decision: ask
    checkpoint: {expires_seconds: 900}
  - tool: close_case
    side_effect: write
    evidence_class: ack_only
    commit_requirement: acknowledged
    decision: allow
    phases: {valid_in: [verified], advances_to: closed}
    input_schema: {type: object}
"""


def call(call_id: str, tool: str, arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": tool, "arguments": arguments}}


LINES: Final[list[dict[str, Any]]] = [
    {"at": "2026-03-01T10:00:00Z", "tool_calls": [call("a", "issue_refund")], "outputs": {"a": 1}},
    {"at": "2026-03-01T10:01:00Z", "tool_calls": [call("b", "lookup_order")], "outputs": {"b": {}}},
    {"at": "2026-03-01T10:02:00+00:00", "tool_calls": [call("c", "issue_refund")]},
    {"at": "2026-03-01T10:03:00Z", "tool_calls": [call("d", "wire_money")], "approved": ["c"]},
]
TOLD: Final = [
    ("a", "deny", False, 4, "intake", "intake"),
    ("b", "allow", True, None, "intake", "verified"),
    ("c", "ask", True, 11, "verified", "verified"),
    ("d", "deny", False, 3, "verified", "verified"),
]


def recording(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    """Return a sound contract's file."""
    path = tmp_path / "contract.yaml"
    path.write_text(CONTRACT)
    return path


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Return a recording's file."""
    path = tmp_path / "calls.jsonl"
    path.write_bytes(recording(LINES))
    return path


def simulated(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(command, [str(one) for one in arguments], input=stdin)


def test_json_is_one_line_a_call_with_these_keys_and_a_summary_at_last(
    contract: Path, calls: Path
) -> None:
    result = simulated("--calls", calls, contract, "--json")
    assert result.exit_code == 0
    *rows, last = [json.loads(one) for one in result.stdout.splitlines()]
    keys = [
        "step",
        "call",
        "tool",
        "verdict",
        "granted",
        "layer",
        "reasons",
        "phase",
        "phase_after",
    ]
    assert [list(row) for row in rows] == [keys] * 4
    told = [
        [row[key] for key in ["call", "verdict", "granted", "layer", "phase", "phase_after"]]
        for row in rows
    ]
    assert [tuple(one) for one in told] == TOLD
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert [sorted(one) for one in rows[0]["reasons"]] == [["code", "detail", "rule"]]
    assert last == {
        "summary": {
            "steps": 4,
            "allow": 1,
            "deny": 2,
            "ask": 1,
            "killed": False,
            "kill_reason": None,
            "unjudged": 0,
            "ignored_receipts": 1,
        }
    }


def test_a_denial_that_cannot_be_judged_says_why(contract: Path, tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    open_one = {key: value for key, value in LINES[1].items() if key != "outputs"}
    path.write_bytes(recording([open_one, LINES[2]]))
    result = simulated("--calls", path, contract, "--json")
    rows = [json.loads(one) for one in result.stdout.splitlines()]
    assert (rows[1]["verdict"], rows[1]["layer"]) == ("deny", 4)
    assert "`b` of `lookup_order` (step 1)" in rows[1]["unjudged"]
    assert rows[2]["summary"]["unjudged"] == 1


def test_words_tell_each_tools_calls_the_denials_and_the_end(contract: Path, calls: Path) -> None:
    result = simulated("--calls", calls, contract)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["tool", "calls", "allow", "deny", "ask", "granted"]
    assert lines[1].split() == ["issue_refund", "2", "0", "1", "1", "1"]
    assert "denied (2):" in lines
    assert any("wrong_phase" in one and "valid_in" in one for one in lines)
    assert lines[-1].startswith("4 steps: 1 allowed, 2 denied, 1 asked for; 1 result")


@pytest.mark.parametrize("what", ["calls", "contract"])
def test_either_of_the_two_can_come_from_standard_input(
    what: str, contract: Path, calls: Path
) -> None:
    if what == "calls":
        result = simulated("--calls", "-", contract, stdin=calls.read_bytes())
    else:
        result = simulated("--calls", calls, "-", stdin=contract.read_bytes())
    assert result.exit_code == 0
    assert result.stdout == simulated("--calls", calls, contract).stdout


def test_the_calls_can_come_from_a_pipe_with_a_name(
    contract: Path, calls: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[calls.read_bytes()])
    writer.start()
    result = simulated("--calls", pipe, contract, "--json")
    writer.join()
    assert result.exit_code == 0
    assert result.stdout == simulated("--calls", calls, contract, "--json").stdout


def test_both_from_standard_input_is_refused() -> None:
    assert simulated("--calls", "-", "-").exit_code == 2


def test_the_calls_must_be_named(contract: Path) -> None:
    assert simulated(contract).exit_code == 2


def test_an_empty_recording_is_one_with_nothing_in_it(contract: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_bytes(b"\n\n")
    result = simulated("--calls", path, contract, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["summary"]["steps"] == 0


def test_a_contract_with_errors_or_blockers_ends_it_with_1_and_its_findings(
    calls: Path, tmp_path: Path
) -> None:
    for text, code in [
        (CONTRACT.replace("side_effect: read", "side_effect: reed"), None),
        (CONTRACT.replace("advances_to: closed", "advances_to: verified"), None),
        (
            CONTRACT.replace("    checkpoint: {expires_seconds: 900}\n", "").replace(
                "max_calls_per_tool: {issue_refund: 3}", "max_steps: 9"
            ),
            "blocker",
        ),
    ]:
        path = tmp_path / "bad.yaml"
        path.write_text(text)
        result = simulated("--calls", calls, path, "--json")
        assert result.exit_code == 1
        findings = json.loads(result.stdout)["findings"]
        assert findings
        assert code is None or code in {one["severity"] for one in findings}


def placet(*arguments: str | Path) -> int:
    return run([str(one) for one in arguments])


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"at": "yesterday", "tool_calls": []}, "at"),
        ({"at": "2026-03-01T09:00:00Z", "tool_calls": []}, "at"),
        ({"at": "2026-03-01T11:00:00Z", "tool_calls": [], "aproved": []}, "aproved"),
        ({"at": "2026-03-01T11:00:00Z", "tool_calls": [call("a", "x")]}, "tool_calls[0].id"),
        ({"at": "2026-03-01T11:00:00Z", "tool_calls": [], "failed": ["z"]}, "failed"),
    ],
)
def test_a_malformed_recording_ends_it_with_2_and_names_line_and_field(
    line: dict[str, Any], field: str, contract: Path, calls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    calls.write_bytes(b"\n" + recording([*LINES, line]))
    for more in ([], ["--json"]):
        assert placet("policy", "simulate", "--calls", calls, contract, *more) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert f"line 6, field `{field}`" in err
    assert json.loads(err)["exit"] == 2


def test_a_line_that_is_no_json_ends_it_with_2(
    contract: Path, calls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    calls.write_bytes(recording(LINES) + b'{"at": ')
    assert placet("policy", "simulate", "--calls", calls, contract) == 2
    assert "line 5, the line cannot be read" in capfd.readouterr().err


def test_the_first_wrong_line_is_told_though_others_were_read_before_it_was_judged(
    contract: Path, calls: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    late = {"at": "2026-03-01T09:00:00Z", "tool_calls": []}
    calls.write_bytes(b" \n" + recording(LINES) + b"\n\n" + recording([late]) + b"{}\n")
    assert placet("policy", "simulate", "--calls", calls, contract) == 2
    assert f"line {len(LINES) + 4}, field `at`" in capfd.readouterr().err


@pytest.mark.parametrize("which", ["calls", "contract"])
def test_a_file_that_is_not_there_ends_it_with_3(which: str, contract: Path, calls: Path) -> None:
    {"calls": calls, "contract": contract}[which].unlink()
    assert simulated("--calls", calls, contract).exit_code == 3


def test_progress_is_told_on_stderr_unless_quiet(
    contract: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BETWEEN_LOOKS", 2)
    monkeypatch.setattr(module, "_BETWEEN_WORDS_SECONDS", -1.0)
    arguments = ["policy", "simulate", "--calls", str(calls), str(contract), "--progress"]
    told = CliRunner().invoke(cli, arguments)
    assert told.stderr.splitlines()[0] == "2 calls"
    assert "calls\n" not in told.stdout.splitlines()[0]
    quiet = CliRunner().invoke(cli, ["-q", *arguments])
    assert (quiet.exit_code, quiet.stderr, quiet.stdout) == (0, "", told.stdout)


def test_names_from_a_recording_cannot_write_to_the_terminal(
    contract: Path, tmp_path: Path
) -> None:
    path = tmp_path / "calls.jsonl"
    odd = {**LINES[0], "tool_calls": [call("\x1b[2J", "evil\x1b]0;x\n" + "y" * 200)], "outputs": {}}
    path.write_bytes(recording([odd]))
    result = simulated("--calls", path, contract)
    assert "\x1b" not in result.stdout
    assert "y" * 100 not in result.stdout
    assert "evil?]0;x?" in result.stdout


def test_help_shows_how_to_call_it() -> None:
    result = simulated("--help")
    assert "placet policy simulate --calls calls.jsonl contract.yaml" in result.stdout


def test_the_lines_that_the_page_shows_are_lines_of_these_forms() -> None:
    page = Path(__file__).parents[3] / "docs/how-to/simulate-recorded-calls.md"
    blocks = re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL)
    recorded, (row, last) = (block.splitlines() for block in blocks)
    assert [len(read_line(one.encode()).tool_calls) for one in recorded] == [1, 1]
    for text, form in ((row, CallLine), (last, SummaryLine)):
        assert msgspec.json.encode(msgspec.json.decode(text, type=form)).decode() == text
