"""`placet policy compile`: what is printed, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from placet.cli.policy.compile import command
from placet.policy.compile import compile_contract, compiled_hash
from placet.policy.model import Contract
from placet.policy.text.parse import parse_contract

EXAMPLE = Path(__file__).parents[2] / "policy" / "example.yaml"
TEXT = EXAMPLE.read_text("utf-8")
PROGRAM = "from placet.cli.main import main; main()"


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(command, [str(one) for one in arguments], input=stdin)


def printed(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)
    return found


def test_the_hash_is_that_of_the_compiler() -> None:
    contract = parse_contract(EXAMPLE.read_bytes(), "yaml")
    assert isinstance(contract, Contract)
    made = compile_contract(contract)
    result = run(EXAMPLE, "--json")
    assert result.exit_code == 0
    assert printed(result.stdout)["compiled_hash"] == made.compiled_hash.hex()
    assert printed(result.stdout)["compiler_version"] == made.compiler_version


def test_people_read_the_hashes_and_the_sizes() -> None:
    result = run(EXAMPLE)
    hashes = printed(run(EXAMPLE, "--json").stdout)
    assert result.exit_code == 0
    for value in hashes.values():
        assert value in result.stdout
    assert " bytes" in result.stdout


ENVIRONMENTS = (
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Kathmandu"},
    {"PYTHONHASHSEED": "random", "LC_ALL": "C.UTF-8", "TZ": "America/St_Johns"},
)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda one: one["LC_ALL"])
def test_the_hash_is_the_same_under_any_seed_locale_and_zone(environment: dict[str, str]) -> None:
    done = subprocess.run(  # noqa: S603 -- our own interpreter and our own program
        [sys.executable, "-c", PROGRAM, "policy", "compile", str(EXAMPLE), "--json"],
        capture_output=True,
        check=True,
        env=os.environ | environment,
        text=True,
    )
    assert printed(done.stdout) == printed(run(EXAMPLE, "--json").stdout)


def test_the_order_of_tools_and_keys_makes_no_difference(tmp_path: Path) -> None:
    head, tools = TEXT.split("tools:\n", 1)
    first, *others = tools.split("  - tool: ")[1:]
    if not others[-1].endswith("\n"):
        others[-1] += "\n"
    turned = "tools:\n" + "".join(f"  - tool: {one}" for one in [*others, first]) + head
    (tmp_path / "turned.yaml").write_text(turned)
    assert run(tmp_path / "turned.yaml", "--json").stdout == run(EXAMPLE, "--json").stdout


def test_another_contract_has_other_hashes(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(TEXT.replace("lte: 50000}", "lte: 49999}"))
    other = printed(run(tmp_path / "other.yaml", "--json").stdout)
    same = printed(run(EXAMPLE, "--json").stdout)
    assert [key for key in same if same[key] != other[key]] == ["compiled_hash", "contract_hash"]


def test_the_projections_are_written_and_have_that_hash(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "build"
    result = run(EXAMPLE, "-o", folder, "--json")
    files = {one.stem: one.read_bytes() for one in folder.iterdir()}
    assert sorted(files) == ["compat", "review", "runtime"]
    version = printed(result.stdout)["compiler_version"]
    made = compiled_hash(version, files["review"], files["runtime"], files["compat"])
    assert made.hex() == printed(result.stdout)["compiled_hash"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run(EXAMPLE, "-o", tmp_path / "file" / "build")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_contract_with_an_error_exits_1_with_the_finding_and_compiles_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(TEXT.replace("gte: 1, lte: 50000", "gte: 6, lte: 5"))
    result = run(file, "-o", tmp_path / "build")
    assert result.exit_code == 1
    assert ": error " in result.stdout
    assert not (tmp_path / "build").exists()
    report = json.loads(run(file, "--json").stdout)
    assert {one["severity"] for one in report["findings"]} == {"error"}


def test_what_is_no_contract_exits_1(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text("schema_version: 1\n")
    result = run(tmp_path / "contract.yaml", "--json")
    assert result.exit_code == 1
    assert "findings" in json.loads(result.stdout)


def test_a_blocker_is_told_on_stderr_and_keeps_nothing_from_being_compiled(tmp_path: Path) -> None:
    file = tmp_path / "contract.yaml"
    tool = "{tool: pay, side_effect: financial, evidence_class: local_transaction,"
    tool += " commit_requirement: acknowledged, decision: allow, input_schema: {type: object}}"
    file.write_text(f'schema_version: "1"\nagent: desk\ntools:\n  - {tool}\n')
    result = run(file, "--json")
    assert result.exit_code == 0
    assert list(printed(result.stdout)) == ["compiled_hash", "contract_hash", "compiler_version"]
    assert f"{file}:4:" in result.stderr
    assert ": blocker " in result.stderr


def test_a_contract_can_come_from_standard_input() -> None:
    assert run("-", "--json", stdin=TEXT).stdout == run(EXAMPLE, "--json").stdout


def test_a_file_that_is_not_there_exits_3(tmp_path: Path) -> None:
    assert run(tmp_path / "no.yaml").exit_code == 3


def test_help_shows_examples() -> None:
    assert "placet policy compile contract.yaml -o build/" in run("--help").stdout
