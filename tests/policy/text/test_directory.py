"""A contract in several files."""

import pytest

from placet.policy.finding import Finding, Severity
from placet.policy.model import TOOLS_MAX
from placet.policy.text.directory import parse_directory
from placet.policy.text.parse import Located, locate, parse_located

SESSION = b'schema_version: "1"\nagent: desk\nsession: {gate: strip_partial}\n'
TOOL = "tool: {}\nside_effect: read\nevidence_class: ack_only\ncommit_requirement: none\n"


def tool(name: str, more: str = "") -> bytes:
    return f"{TOOL.format(name)}{more}".encode()


FILES = {"session.yaml": SESSION, "tools/b.yaml": tool("b"), "tools/a.yaml": tool("a")}


def located(files: dict[str, bytes]) -> Located:
    found = parse_directory(files)
    assert isinstance(found, Located), found
    return found


def told(files: dict[str, bytes]) -> list[tuple[str, str, str | None, int | None, int | None]]:
    found = parse_directory(files)
    assert isinstance(found, list)
    return [(one.code, one.path, one.file, one.line, one.column) for one in found]


def test_a_directory_is_the_same_contract_as_one_document() -> None:
    tools = "".join(
        "  - " + tool(name).decode().strip().replace("\n", "\n    ") + "\n" for name in "ab"
    )
    whole = parse_located(f"{SESSION.decode()}tools:\n{tools}".encode(), "yaml")
    assert isinstance(whole, Located)
    assert located(FILES).contract == whole.contract


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tools/b.yaml": tool("b", "x: 1\n")}, ("unknown_key", "$.tools[1].x", 5, 1)),
        (
            {"tools/b.yaml": tool("b", "arguments: [{path: $.a, lte: 1.5}]\n")},
            ("wrong_type", "$.tools[1].arguments[0].lte", 5, 30),
        ),
        (
            {"tools/b.yaml": tool("b", "decision: no\n")},
            ("yaml_ambiguous", "$.tools[1].decision", 5, 11),
        ),
        ({"tools/b.yaml": tool("c")}, ("wrong_file", "$.tools[1].tool", 1, 7)),
        ({"tools/b.yaml": b"{"}, ("malformed_yaml", "$.tools[1]", 2, 1)),
        ({"tools/b.yaml": b"- a"}, ("wrong_type", "$.tools[1]", 1, 1)),
        ({"tools/b.yaml": b""}, ("malformed_yaml", "$.tools[1]", 1, 1)),
        ({"session.yaml": SESSION + b"tools: []\n"}, ("unknown_key", "$.tools", 4, 1)),
        ({"session.yaml": SESSION[20:]}, ("missing_key", "$.schema_version", 1, 1)),
        ({"workflow.yaml": b"a: 1"}, ("workflow_not_supported", "$", 1, 1)),
        ({"README.md": b""}, ("unknown_file", "$", 1, 1)),
        ({"tools/c.json": b"{}"}, ("unknown_file", "$", 1, 1)),
        ({"tools/c.yml": b""}, ("unknown_file", "$", 1, 1)),
        ({"tools/x/c.yaml": tool("c")}, ("unknown_file", "$", 1, 1)),
        ({"session.yml": SESSION}, ("unknown_file", "$", 1, 1)),
        ({"b.yaml": tool("b")}, ("unknown_file", "$", 1, 1)),
    ],
)
def test_a_fault_is_told_with_its_file_and_the_path_in_the_whole(
    change: dict[str, bytes], expected: tuple[str, str, int | None, int | None]
) -> None:
    code, path, line, column = expected
    (file,) = change
    assert told(FILES | change) == [(code, path, file, line, column)]


def test_faults_of_all_files_are_told_at_once() -> None:
    files = {
        "session.yaml": b"agent: a b\n",
        "tools/a.yaml": b"tool: a\n",
        "tools/b.yaml": b"\xff",
        "x": b"",
    }
    assert [(code, file) for code, _, file, _, _ in told(files)] == [
        ("missing_key", "session.yaml"),
        ("bad_value", "session.yaml"),
        ("missing_key", "tools/a.yaml"),
        ("missing_key", "tools/a.yaml"),
        ("missing_key", "tools/a.yaml"),
        ("not_utf8", "tools/b.yaml"),
        ("unknown_file", "x"),
    ]


def test_a_directory_needs_a_session_and_a_tool() -> None:
    assert told({}) == [
        ("missing_file", "$", "session.yaml", None, None),
        ("missing_key", "$.tools", None, None, None),
    ]


def test_a_name_that_was_nearly_right_is_told() -> None:
    found = parse_directory(FILES | {"session.yml": b""})
    assert isinstance(found, list)
    assert found[0].hint == "did you mean `session.yaml`?"


def test_all_files_together_have_a_bound() -> None:
    many = {f"tools/t{index}.yaml": b"" for index in range(TOOLS_MAX + 1)}
    assert told(FILES | many) == [("too_many_files", "$", None, None, None)]
    long = {f"tools/{name}.yaml": tool(name, "#" * 600_000) for name in "ab"}
    assert told(FILES | long) == [("too_large", "$", None, None, None)]


def test_all_values_together_have_a_bound() -> None:
    schema = f"input_schema: {{enum: [{','.join('1' * 40_000)}]}}\n"
    files = FILES | {f"tools/{name}.yaml": tool(name, schema) for name in "ab"}
    assert [(code, file) for code, _, file, _, _ in told(files)] == [
        ("too_many_values", "tools/b.yaml")
    ]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("$.session.gate", ("session.yaml", 3, 17)),
        ("$.session.phases", ("session.yaml", 3, 10)),
        ("$", ("session.yaml", 1, 1)),
        ("$.tools[0]", ("tools/a.yaml", 1, 1)),
        ("$.tools[1].side_effect", ("tools/b.yaml", 2, 14)),
        ("$.tools[1].input_schema", ("tools/b.yaml", 1, 1)),
    ],
)
def test_a_finding_of_a_check_stands_in_its_file(path: str, place: tuple[str, int, int]) -> None:
    finding = Finding(code="x", severity=Severity.ERROR, path=path, message="")
    (found,) = locate([finding], located(FILES))
    assert (found.file, found.line, found.column) == place
