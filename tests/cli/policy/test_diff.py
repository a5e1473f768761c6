"""`placet policy diff`: what is printed, and how it ends."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from placet.cli.policy.diff import diff

EXAMPLE = Path(__file__).parents[2] / "policy" / "example.yaml"
TEXT = EXAMPLE.read_text("utf-8")
WIDER = TEXT.replace("lte: 50000}", "lte: 60000}")
NARROWER = TEXT.replace("max_steps: 40", "max_steps: 4")
OTHER = TEXT.replace("% 100 == 0", "% 200 == 0")
MIXED = WIDER.replace("max_steps: 40", "max_steps: 4").replace("% 100 == 0", "% 200 == 0")


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(diff, [str(one) for one in arguments], input=stdin)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A file for the new contract."""
    return tmp_path / "contract.yaml"


def test_what_was_widened_is_printed_first(written: Path) -> None:
    written.write_text(MIXED, "utf-8")
    result = run(EXAMPLE, written)
    assert result.exit_code == 0
    heads = [line for line in result.stdout.splitlines() if line and not line.startswith(" ")]
    assert heads == ["widened (1)", "changed, may widen (1)", "narrowed (1)"]
    assert result.stdout.splitlines()[1:4] == [
        "  issue_refund  $.tools[4].arguments[0].lte",
        "    `$.amount_cents` is at most `60000` (before: `$.amount_cents` is at most `50000`)",
        '    {"lte":50000} -> {"lte":60000}',
    ]


def test_the_json_has_every_change_and_how_many_of_each_kind(written: Path) -> None:
    written.write_text(MIXED, "utf-8")
    printed = json.loads(run(EXAMPLE, written, "--json").stdout)
    assert list(printed) == ["changes", "summary"]
    assert printed["summary"] == {"widened": 1, "narrowed": 1, "changed": 1}
    assert [change["kind"] for change in printed["changes"]] == ["widened", "changed", "narrowed"]
    assert printed["changes"][0] == {
        "kind": "widened",
        "path": "$.tools[4].arguments[0].lte",
        "tool": "issue_refund",
        "layer": 6,
        "text": "`$.amount_cents` is at most `60000` (before: `$.amount_cents` is at most `50000`)",
        "before": {"lte": 50000},
        "after": {"lte": 60000},
        "may_widen": True,
    }


def test_nothing_changed_is_said() -> None:
    result = run(EXAMPLE, "-", stdin=TEXT)
    assert result.exit_code == 0
    assert result.stdout == "nothing changed\n"
    printed = json.loads(run(EXAMPLE, "-", "--json", "--exit-code", stdin=TEXT).stdout)
    assert printed == {"changes": [], "summary": {"widened": 0, "narrowed": 0, "changed": 0}}


@pytest.mark.parametrize(
    ("text", "code"), [(WIDER, 1), (OTHER, 1), (NARROWER, 0), (TEXT, 0), (MIXED, 1)]
)
def test_with_exit_code_what_is_or_may_be_widened_ends_with_1(
    text: str, code: int, written: Path
) -> None:
    written.write_text(text, "utf-8")
    assert run(EXAMPLE, written, "--exit-code").exit_code == code
    assert run(EXAMPLE, written).exit_code == 0


def test_what_is_no_contract_ends_with_1_and_is_told(written: Path) -> None:
    written.write_text("agent: 1\n", "utf-8")
    result = run(EXAMPLE, written)
    assert result.exit_code == 1
    assert f"{written}:1:" in result.stdout


def test_the_help_has_examples() -> None:
    assert "placet policy diff approved.yaml contract.yaml" in run("--help").stdout
