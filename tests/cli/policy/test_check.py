"""`placet policy check`: what is printed, and how it ends."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner, Result

from placet.cli.policy.check import check

EXAMPLE = Path(__file__).parents[2] / "policy" / "example.yaml"
TEXT = EXAMPLE.read_text("utf-8")
LOWER = TEXT.replace("lte: 50000}", "lte: 40000}")
ADVISED = TEXT.replace("cancel: never ", "cancel: safe ")
BROKEN = TEXT.replace("gte: 1, lte: 50000", "gte: 6, lte: 5")


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(check, [str(one) for one in arguments], input=stdin)


def findings(result: Result) -> list[dict[str, Any]]:
    """Return what `--json` printed."""
    printed: dict[str, Any] = json.loads(result.stdout)
    assert list(printed) == ["findings"]
    found: list[dict[str, Any]] = printed["findings"]
    return found


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file for a contract."""
    return tmp_path / "contract.yaml"


def test_a_sound_contract_exits_0_and_has_no_finding() -> None:
    result = run(EXAMPLE, "--json")
    assert (result.exit_code, findings(result)) == (0, [])


def test_a_sound_contract_says_on_stderr_that_nothing_is_wrong() -> None:
    result = run(EXAMPLE)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "nothing is wrong\n"


def test_a_finding_is_printed_with_all_that_is_known_of_it() -> None:
    result = run("-", "--json", stdin=BROKEN)
    assert result.exit_code == 1
    assert findings(result) == [
        {
            "code": "excludes_everything",
            "severity": "error",
            "path": "$.tools[4].arguments[0].lte",
            "message": "no value of `$.amount_cents` meets both `gte: 6` and `lte: 5`",
            "hint": "widen a bound, or take a rule out",
            "line": 72,
            "column": 45,
            "related": "$.tools[4].arguments[0].gte",
        }
    ]


def test_people_read_where_what_and_help(written: Path) -> None:
    written.write_text(BROKEN)
    result = run(written)
    assert result.exit_code == 1
    message = "no value of `$.amount_cents` meets both `gte: 6` and `lte: 5`"
    assert result.stdout.splitlines() == [
        f"{written}:72:45: error excludes_everything: {message}",
        "  help: widen a bound, or take a rule out",
    ]


def test_advisories_are_printed_and_exit_0() -> None:
    result = run("-", "--json", stdin=ADVISED)
    assert [(one["code"], one["severity"]) for one in findings(result)] == [
        ("cancel_safe", "advisory")
    ]
    assert result.exit_code == 0


def test_a_blocker_of_the_environment_exits_1() -> None:
    for environment, code in (("development", 0), ("staging", 0), ("production", 1)):
        result = run(EXAMPLE, "--environment", environment, "--json")
        codes = [one["code"] for one in findings(result)]
        assert (result.exit_code, codes) == (code, ["cooperative_only"] * code)


@pytest.mark.parametrize(
    ("name", "text"),
    [("s.yaml", "issue_refund: proxied\n"), ("s.json", '{"issue_refund": "verified"}')],
)
def test_a_tool_that_is_said_to_be_stronger_is_no_blocker(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    result = run(EXAMPLE, "--environment", "production", "--strength", tmp_path / name, "--json")
    assert (result.exit_code, findings(result)) == (0, [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("issue_refunds: proxied\n", "issue_refunds"),
        ("issue_refund: strong\n", "strong"),
        ("issue_refund: no\n", "line 1, column 15"),
        ("- issue_refund\n", "no mapping"),
        ("issue_refund: [\n", "line 2"),
    ],
)
def test_a_strength_that_cannot_be_used_exits_2_and_says_why(
    tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "s.yaml").write_text(text)
    result = run(EXAMPLE, "--strength", tmp_path / "s.yaml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_what_is_wider_than_another_contract_stands_first_and_exits_0(written: Path) -> None:
    written.write_text(LOWER)
    result = run("-", "--against", written, "--json", stdin=ADVISED)
    assert [(one["code"], one["line"]) for one in findings(result)] == [
        ("widened", 72),
        ("widened", 79),
        ("cancel_safe", 79),
    ]
    assert result.exit_code == 0


def test_what_is_narrower_than_another_contract_is_no_finding(written: Path) -> None:
    written.write_text(LOWER)
    result = run(written, "--against", EXAMPLE, "--json")
    assert (result.exit_code, findings(result)) == (0, [])


def test_something_else_to_compare_with_exits_2(written: Path) -> None:
    written.write_text("agent: desk\n")
    result = run(EXAMPLE, "--against", written, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is no contract" in result.stderr


def test_a_text_that_is_no_contract_exits_1_with_its_findings() -> None:
    result = run("-", "--json", stdin="agent: no\n")
    assert result.exit_code == 1
    assert ("yaml_ambiguous", 1, 8) in [
        (one["code"], one["line"], one["column"]) for one in findings(result)
    ]


def test_findings_in_a_directory_name_their_file(tmp_path: Path) -> None:
    whole = yaml.safe_load(BROKEN)
    (tmp_path / "tools").mkdir()
    for tool in whole.pop("tools"):
        text = msgspec.json.format(msgspec.json.encode(tool)).decode()
        (tmp_path / "tools" / f"{tool['tool']}.yaml").write_text(text)
    (tmp_path / "session.yaml").write_text(json.dumps(whole))
    result = run(tmp_path, "--json")
    assert result.exit_code == 1
    assert [(one["code"], one["file"]) for one in findings(result)] == [
        ("excludes_everything", "tools/issue_refund.yaml")
    ]
    assert run(tmp_path).stdout.startswith(f"{tmp_path}/tools/issue_refund.yaml:")


def test_a_file_that_is_not_there_exits_3(tmp_path: Path) -> None:
    assert run(tmp_path / "nothing.yaml").exit_code == 3


def test_an_unknown_environment_exits_2() -> None:
    assert run(EXAMPLE, "--environment", "test").exit_code == 2
