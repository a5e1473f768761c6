"""`placet policy fmt`, and how every command reads a contract, on files as a shell sees them."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from placet.cli.exits import CommandRefused
from placet.cli.policy.fmt import fmt
from placet.policy.text.directory import FILES_MAX

EXAMPLE = Path(__file__).parents[2] / "policy" / "example.yaml"
HEAD = 'schema_version: "1"\nagent: desk\n'
TOOL = "tool: a\nside_effect: read\nevidence_class: ack_only\ncommit_requirement: none\n"
USUAL = (
    f"{HEAD}tools:\n  - tool: a\n    side_effect: read\n"
    "    evidence_class: ack_only\n    commit_requirement: none\n"
)
OTHER = f"tools: [{{{', '.join(TOOL.splitlines())}}}]\n{HEAD}"


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(fmt, [str(one) for one in arguments], input=stdin)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A contract that is not in its usual form."""
    path = tmp_path / "contract.yaml"
    path.write_text(OTHER)
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The same contract in two files, of which one is not in its usual form."""
    (tmp_path / "contract" / "tools").mkdir(parents=True)
    (tmp_path / "contract" / "session.yaml").write_text(HEAD)
    (tmp_path / "contract" / "tools" / "a.yaml").write_text(f"{{{', '.join(TOOL.splitlines())}}}")
    return tmp_path / "contract"


def test_a_contract_is_printed_in_its_usual_form(file: Path, directory: Path) -> None:
    for result in (run(file), run("-", stdin=OTHER.encode()), run(directory)):
        assert (result.exit_code, result.stdout) == (0, USUAL)
    assert file.read_text() == OTHER


def test_the_canonical_document_is_printed_on_one_line(file: Path) -> None:
    result = run(file, "--json")
    assert result.stdout.startswith('{"agent":"desk","schema_version":"1","tools":[{')
    assert result.stdout.count("\n") == 1
    again = run("-", stdin=result.stdout.encode())
    assert again.stdout == USUAL


def test_check_exits_with_1_for_a_file_that_differs(file: Path) -> None:
    result = run(file, "--check")
    assert (result.exit_code, result.stdout) == (1, f"{file}: not in its usual form\n")
    assert json.loads(run(file, "--check", "--json").stdout) == {"changed": [str(file)]}
    file.write_text(USUAL)
    assert run(file, "--check").exit_code == 0
    assert json.loads(run(file, "--check", "--json").stdout) == {"changed": []}


def test_write_replaces_the_file_and_keeps_its_mode_and_its_links(file: Path) -> None:
    file.chmod(0o640)
    link = file.with_name("link.yaml")
    link.symlink_to(file)
    result = run(link, "--write", "--json")
    assert json.loads(result.stdout) == {"written": [str(link)]}
    assert file.read_text() == USUAL
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in file.parent.iterdir()) == ["contract.yaml", "link.yaml"]
    assert run(file, "--write").stdout == "nothing to change\n"


def test_a_file_with_comments_is_written_only_when_they_may_be_lost(file: Path) -> None:
    text = f"# why\n{OTHER}"
    file.write_text(text)
    refused = run(file, "--write")
    assert isinstance(refused.exception, CommandRefused)
    assert "has comments" in refused.exception.detail
    assert file.read_text() == text
    assert run(file, "--write", "--drop-comments").exit_code == 0
    assert file.read_text() == USUAL


def test_each_file_of_a_directory_is_written(directory: Path) -> None:
    changed = str(directory / "tools" / "a.yaml")
    assert json.loads(run(directory, "--check", "--json").stdout) == {"changed": [changed]}
    assert json.loads(run(directory, "--write", "--json").stdout) == {"written": [changed]}
    assert (directory / "tools" / "a.yaml").read_text() == TOOL
    assert run(directory, "--check").exit_code == 0


def test_no_file_of_a_directory_is_written_when_one_may_not_be(directory: Path) -> None:
    (directory / "session.yaml").write_text("agent: desk # mine\nschema_version: '1'\n")
    before = (directory / "tools" / "a.yaml").read_text()
    assert isinstance(run(directory, "--write").exception, CommandRefused)
    assert (directory / "tools" / "a.yaml").read_text() == before


def test_a_json_file_is_held_to_its_canonical_form(tmp_path: Path) -> None:
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(json.loads(run(EXAMPLE, "--json").stdout), indent=2))
    assert run(file, "--check").exit_code == 1
    assert run(file, "--write").exit_code == 0
    assert file.read_text() == run(EXAMPLE, "--json").stdout


@pytest.mark.parametrize(
    "options",
    [["--check", "--write"], ["--drop-comments"], ["--check", "--drop-comments"]],
)
def test_options_that_go_against_each_other_are_a_usage_fault(
    file: Path, options: list[str]
) -> None:
    assert run(file, *options).exit_code == 2


def test_standard_input_cannot_be_written() -> None:
    assert run("-", "--write", stdin=OTHER.encode()).exit_code == 2


def test_a_contract_that_would_grow_beyond_its_bound_is_not_written(file: Path) -> None:
    inner = "[" * 20 + ",".join("0" * 30_000) + "]" * 20
    tool = ", ".join(TOOL.splitlines())
    text = f"{HEAD}tools: [{{{tool}, input_schema: {{enum: [{inner}]}}}}]\n"
    file.write_text(text)
    refused = run(file, "--write")
    assert isinstance(refused.exception, CommandRefused)
    assert "larger" in refused.exception.detail
    assert file.read_text() == text


# How a contract is read, which all commands share.


def test_a_faulty_contract_is_told_in_words_and_exits_with_1(file: Path) -> None:
    file.write_text(f"{OTHER}sesion: {{}}\nx: yes\n")
    result = run(file)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == [
        f"{file}:4:1: error unknown_key: `sesion` is no key of a contract",
        "  help: did you mean `session`?",
    ]


def test_a_faulty_contract_is_told_as_one_json_object(file: Path, directory: Path) -> None:
    file.write_text("")
    result = run(file, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "findings": [
            {
                "code": "malformed_yaml",
                "severity": "error",
                "path": "$",
                "line": 1,
                "column": 1,
                "message": "the text is empty",
                "hint": "",
            }
        ]
    }
    (directory / "tools" / "a.yaml").write_text(f"{TOOL}x: 1\n")
    (found,) = json.loads(run(directory, "--json").stdout)["findings"]
    assert (found["file"], found["line"], found["path"]) == ("tools/a.yaml", 5, "$.tools[0].x")


def test_a_fault_in_a_directory_names_the_file_as_the_shell_would(directory: Path) -> None:
    (directory / "notes.txt").write_text("")
    (directory / "tools" / "a.yaml").write_text(f"{TOOL}x: 1\n")
    lines = run(directory).stdout.splitlines()
    assert lines[0].startswith(f"{directory}/tools/a.yaml:5:1: error unknown_key: ")
    assert lines[2].startswith(f"{directory}/notes.txt:1:1: error unknown_file: ")


def test_what_cannot_be_opened_exits_with_3(tmp_path: Path) -> None:
    result = run(tmp_path / "none.yaml")
    assert result.exit_code == 3
    assert "cannot be opened" in result.stderr


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("a.json", "agent: a\n", "malformed_json"),
        ("a.JSON", "agent: a\n", "malformed_json"),
        ("a.yml", '{"agent": yes}', "yaml_ambiguous"),
        ("a.txt", '  {"agent": yes}', "malformed_json"),
        ("a.txt", "agent: yes", "yaml_ambiguous"),
    ],
)
def test_the_form_is_told_by_the_name_and_else_by_the_beginning(
    tmp_path: Path, name: str, text: str, code: str
) -> None:
    (tmp_path / name).write_text(text)
    found = json.loads(run(tmp_path / name, "--json").stdout)["findings"]
    assert code in {one["code"] for one in found}


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    with (tmp_path / "a.yaml").open("wb") as stream:
        stream.truncate(2**40)
    found = json.loads(run(tmp_path / "a.yaml", "--json").stdout)["findings"]
    assert [one["code"] for one in found] == ["too_large"]


def test_a_directory_that_is_too_large_is_not_read_to_its_end(directory: Path) -> None:
    with (directory / "tools" / "b.yaml").open("wb") as stream:
        stream.truncate(2**40)
    found = json.loads(run(directory, "--json").stdout)["findings"]
    assert [one["code"] for one in found] == ["too_large"]
    for index in range(FILES_MAX):
        (directory / f"{index}").touch()
    found = json.loads(run(directory, "--json").stdout)["findings"]
    assert [one["code"] for one in found] == ["too_many_files"]


def test_a_pipe_in_a_directory_is_not_waited_for(directory: Path) -> None:
    os.mkfifo(directory / "tools" / "b.yaml")
    (found,) = json.loads(run(directory, "--json").stdout)["findings"]
    assert (found["code"], found["file"]) == ("malformed_yaml", "tools/b.yaml")
