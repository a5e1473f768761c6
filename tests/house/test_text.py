"""What no file of the repository says, and what no line does without a reason."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.house.checkout import PACKAGE, ROOT, files, python, told, tree

# Each is a pattern and what it would give away. They are spelled so that they do not match here.
UNSAID = {
    r"/(?:work|root|tmp/[a-z]+|home/[a-z]+)/": "a place on somebody's machine",
    r"\bissue #?\d": "a list of tasks that the reader does not have",
    r"(?i)\b[c]laude\b|\b[a]nthropic\b|\b[c]hatgpt\b|\b[c]opilot\b": "who or what wrote it",
    r"\b(?:TO[D]O|FI[X]ME|X[X]X)\b": "work that was left undone",
    r"(?i)\b(?:extra-)?index-[u]rl\b|\bartifac[t]ory\b|\bnex[u]s3?\b|\bdevp[i]\b": "a registry",
    r"(?i)\bpyp[i]\.org\b|files\.pythonhos[t]ed": "a registry",
    r"(?i)\bblazing|\bseamless|\bcutting[- ]edge|\bworld[- ]class": "a boast",
}

# Hosts that a file may name: names without a dot, and those that exist for examples or for forms.
HOSTS = re.compile(
    r"^(?:[^.]*|127\.0\.0\.1|(?:[\w-]+\.)*(?:example|test|invalid)"
    r"|(?:[\w-]+\.)*example\.(?:com|org|net)"
    r"|json-schema\.org|keepachangelog\.com|semver\.org)$"
)
ADDRESS = re.compile(r"https?://([^\s/:\"'`)>]*|\[[0-9a-f:]+\])")

EXCUSE = re.compile(r"#\s*(?:noqa|type:\s*ignore)")
EXCUSED = re.compile(
    r"#\s*(?:noqa: [A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)* -- \S|type: ignore\[[a-z, -]+\]  # \S)"
)


def texts() -> Iterator[tuple[Path, str]]:
    for path in files():
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("pattern", UNSAID, ids=list(UNSAID.values()))
def test_no_file_gives_away(pattern: str) -> None:
    said = [
        f"{told(path)}: {found[0]}"
        for path, text in texts()
        for found in re.finditer(pattern, text)
    ]
    assert said == []


def test_no_file_names_a_host_of_the_world() -> None:
    named = {
        f"{told(path)}: {host}"
        for path, text in texts()
        for host in ADDRESS.findall(text)
        if not HOSTS.match(host) and path != ROOT / "LICENSE"
    }
    assert named == set()


def test_every_opt_out_gives_its_reason() -> None:
    bare = [
        f"{told(path)}:{number}"
        for path in python("src", "tests", "migrations")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if len(EXCUSE.findall(line)) != len(EXCUSED.findall(line)) and path != Path(__file__)
    ]
    assert bare == []


def test_every_rule_that_is_off_gives_its_reason() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    lint = project[project.index("[tool.ruff.lint]") : project.index("[tool.ruff.lint.pylint]")]
    rules = [line for line in lint.splitlines() if re.search(r'"[A-Z]{1,4}[0-9]{3,4}"', line)]
    assert rules
    assert [line for line in rules if not re.search(r"# \S", line)] == []


def test_annotations_are_never_put_off() -> None:
    put_off = [
        told(path)
        for path in python("src", "tests", "migrations")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    assert put_off == []


def names_in(node: ast.AST) -> str:
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


BENCHMARKS = "tests/benchmarks/"
"""What runs there is no test: it spreads load over time."""


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (("pytest.skip", "pytest.importorskip", "pytest.xfail"), "a test runs or is not there"),
        (("mark.skip", "mark.skipif", "mark.xfail", "unittest.skip"), "a test runs"),
        (
            ("unittest.mock", "MagicMock", "AsyncMock", "mocker"),
            "our code is played by nobody else",
        ),
        (("time.sleep",), "a test waits for what happened, never for time"),
    ],
    ids=["skips", "marks", "mocks", "sleeps"],
)
def test_no_test_uses(names: tuple[str, ...], why: str) -> None:
    used = [
        f"{told(path)}:{node.lineno}"
        for path in python("tests")
        if not (told(path).startswith(BENCHMARKS) and names == ("time.sleep",))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute | ast.Name) and names_in(node).endswith(names)
    ]
    assert used == [], why


def test_no_test_sleeps_longer_than_a_turn_of_the_loop() -> None:
    slept = [
        f"{told(path)}:{node.lineno}"
        for path in python("tests")
        if not told(path).startswith(BENCHMARKS)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and names_in(node.func) == "asyncio.sleep"
        and ast.unparse(node.args[0]) != "0"
    ]
    assert slept == []


def test_only_storage_opens_or_takes_a_connection() -> None:
    ways = ("pool.acquire", "asyncpg.connect", "asyncpg.create_pool", "create_async_engine")
    takers = [
        f"{told(path)}:{node.lineno}"
        for path in python("src")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and names_in(node.func).endswith(ways)
        and PACKAGE / "storage" not in path.parents
    ]
    assert takers == []
