"""Names and sizes: what a listing of folders tells, and when a file asks to be two."""

import ast
import re
from pathlib import Path

import pytest
from tests.house.checkout import PACKAGE, ROOT, TOP_LEVEL, files, is_ignored, python, told, tree

VAGUE = frozenset({"util", "utils", "common", "helper", "helpers", "base", "manager", "misc"})
VAGUE_CLASS = re.compile(r"(Manager|Helper|Helpers|Utils|Util)$")

# Folders of tests that mirror no part: whole stories, races and crashes, figures, the house itself.
OF_THEIR_OWN = frozenset(
    {"journeys", "invariants", "benchmarks", "house", "policy/reference", "evidence/second"}
)

SOURCE_LINES_MAX = 400
TEST_LINES_MAX = 600
FUNCTION_LINES_MAX = 60

# Files that answer one question well and may be long, and why.
LONG = {
    "src/placet/evidence/verify.py": "an auditor reads the verifier as one file",
    "migrations/versions/0001_first_tables.py": "generated from the tables, then reviewed",
}

# Where an untyped value may be named: at the edges, and where types themselves are handled.
UNTYPED_NEVER = ("model.py", "rules.py", "service.py", "routes.py")
UNTYPED_NEVER_IN = ("policy", "evidence", "events")


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_the_top_level_holds_what_it_must_and_nothing_else() -> None:
    found = {path.name for path in ROOT.iterdir() if not is_ignored(path)}
    assert found == TOP_LEVEL


def test_no_file_or_folder_has_a_name_that_says_nothing() -> None:
    vague = [
        told(path)
        for path in files()
        if VAGUE & {part.partition(".")[0] for part in path.relative_to(ROOT).parts}
    ]
    assert vague == []


def test_no_class_has_a_name_that_says_nothing() -> None:
    vague = [
        f"{told(path)}: {node.name}"
        for path in python("src", "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and VAGUE_CLASS.search(node.name)
    ]
    assert vague == []


def test_tests_stand_where_their_source_does() -> None:
    strangers = []
    for path in python("tests"):
        folder = path.parent.relative_to(ROOT / "tests")
        is_own = any(folder.is_relative_to(own) for own in OF_THEIR_OWN)
        if not is_own and not (PACKAGE / folder).is_dir():
            strangers.append(told(path))
    assert strangers == []


@pytest.mark.parametrize(
    ("folders", "suffixes", "most"),
    [
        (("src/", "migrations/"), {".py", ".sql"}, SOURCE_LINES_MAX),
        (("tests/",), {".py"}, TEST_LINES_MAX),
    ],
    ids=["source", "tests"],
)
def test_no_file_has_grown_into_two_nouns(
    folders: tuple[str, ...], suffixes: set[str], most: int
) -> None:
    heavy = {
        told(path): lines(path)
        for path in files()
        if told(path).startswith(folders) and path.suffix in suffixes and lines(path) > most
    }
    assert {name: n for name, n in heavy.items() if name not in LONG} == {}


def test_every_long_file_that_is_excused_is_long() -> None:
    assert [name for name in LONG if lines(ROOT / name) <= SOURCE_LINES_MAX] == []


def test_no_function_is_longer_than_a_page() -> None:
    long = [
        f"{told(path)}: {node.name}"
        for path in python("src")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert long == []


def test_values_are_typed_from_the_store_upwards() -> None:
    untyped = [
        told(path)
        for path in python("src")
        if (path.name in UNTYPED_NEVER or path.parent.name in UNTYPED_NEVER_IN)
        and any(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(tree(path)))
    ]
    assert untyped == []


def test_every_struct_is_a_value_or_an_input() -> None:
    bare = [
        f"{told(path)}: {node.name}"
        for path in python("src")
        if path != PACKAGE / "kernel" / "value.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base) in {"msgspec.Struct", "Struct"} for base in node.bases)
    ]
    assert bare == []


def test_every_tests_name_is_a_sentence() -> None:
    short = [
        f"{told(path)}: {node.name}"
        for path in python("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and node.name.count("_") < 3
    ]
    assert short == []
