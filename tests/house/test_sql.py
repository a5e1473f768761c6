"""The database functions: their names, what they never say, and words they share with Python."""

import ast
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from tests.house.checkout import PACKAGE, python, told, tree

from placet.replay.sessions import codes
from placet.replay.sessions.model import SessionStatus
from placet.schema import METADATA
from placet.storage import migrations
from placet.storage.columns import EnumText
from placet.storage.idempotency import SWEEP_ANSWERS
from placet.storage.work import LOG_EVENTS
from placet.webhooks.endpoints.model import SEND_WEBHOOKS

# SHA-256 of each file of functions that a release has shipped. None has been released yet. Such a
# file is never changed again: old code may still call it. A change is a new file, `_v2`.
RELEASED: dict[str, str] = json.loads(
    Path(__file__).with_name("released_functions.json").read_text()
)

FILES = sorted(path for path in PACKAGE.rglob("sql/*.sql"))

# Functions behind the hot endpoints and what they call: what each must never do, and why.
FORBIDDEN = {
    r"\bpg_notify\b|\bNOTIFY\b|\bLISTEN\b": "its lock makes commits wait for each other",
    r"\bnow\s*\(": "stands still while the statement waits for a lock",
    r"\bcurrent_timestamp\b|\btransaction_timestamp\b|\bstatement_timestamp\b": "the same",
    r"\bFOR\s+SHARE\b|\bFOR\s+KEY\s+SHARE\b": "readers that starve whoever renews",
    r"\bFOR\s+UPDATE\b(?!\s+SKIP\s+LOCKED)": "stronger than any of our writes needs",
    r"\bnextval\b|\bserial\b": "a number given before the commit is no order",
    r"\brandom\s*\(|\bgen_random_uuid\b|\buuidv?[47]?\s*\(": "ids are arguments",
    r"\bpg_(?:try_)?advisory_(?:un)?lock": "a lock that outlives the transaction",
    r"\bEXECUTE\b": "statements made of text",
    r"\bset_config\((?![^;]*,\s*true\s*\))": "a setting that outlives the transaction",
    r"\bCOMMIT\b|\bROLLBACK\b": "the caller ends its transaction",
    r"\bTEMP\s+TABLE\b": "the application may make none",
}

# Files with the one rule that they need not keep, and why.
EXCUSED = {
    "plan_changed_v1": r"\bpg_notify\b|\bNOTIFY\b|\bLISTEN\b",  # plans move when people decide
    # Which cluster a connection leads to is true of it for as long as it lives, whoever asks.
    "storage_epoch_v1": r"\bset_config\((?![^;]*,\s*true\s*\))",
}


def parts(path: Path) -> list[str]:
    """Return a file's functions, each with the comment above it."""
    return [part.strip() for part in path.read_text().split("\n$$;\n") if part.strip()]


def code_of(text: str) -> str:
    """Return SQL without its comments."""
    return re.sub(r"--[^\n]*", "", text)


def changed(released: Mapping[str, str]) -> list[str]:
    return [
        name
        for name, digest in released.items()
        if not (PACKAGE / name).is_file()
        or hashlib.sha256((PACKAGE / name).read_bytes()).hexdigest() != digest
    ]


def test_no_released_function_was_changed() -> None:
    assert changed(RELEASED) == []


def test_a_changed_function_would_be_seen() -> None:
    name = FILES[0].relative_to(PACKAGE).as_posix()
    right = hashlib.sha256(FILES[0].read_bytes()).hexdigest()
    assert changed({name: right}) == []
    assert changed({name: "00" * 32, "sql/gone_v1.sql": right}) == [
        name,
        "sql/gone_v1.sql",
    ]


def test_every_function_says_what_it_is_for_and_which_version_it_is() -> None:
    assert FILES
    for path in FILES:
        assert re.search(r"_v[0-9]+$", path.stem), path
        for part in parts(path):
            name = re.match(r"(?:-- [^\n]+\n)+CREATE FUNCTION placet\.(\w+)\(", part)
            assert name, f"{told(path)}: {part[:60]}"
            assert name[1].endswith(path.stem[path.stem.rindex("_") :]), name[1]


def test_every_file_is_installed_by_one_migration() -> None:
    script = ScriptDirectory(str(migrations.location()))
    installed = [
        (package, name)
        for step in script.walk_revisions()
        for package, name in getattr(step.module, "SOURCES", [])
    ]
    on_disk = [(".".join(path.relative_to(PACKAGE.parent).parts[:-2]), path.stem) for path in FILES]
    assert sorted(installed) == sorted(on_disk)


@pytest.mark.parametrize("pattern", FORBIDDEN, ids=[pattern[:24] for pattern in FORBIDDEN])
def test_no_function_uses(pattern: str) -> None:
    used = [
        f"{told(path)}: {found[0].strip()}"
        for path in FILES
        if EXCUSED.get(path.stem) != pattern
        for found in re.finditer(pattern, code_of(path.read_text()), re.IGNORECASE | re.MULTILINE)
    ]
    assert used == [], FORBIDDEN[pattern]


def answers(text: str) -> Iterator[str]:
    """Return every code that a function may give back."""
    given = re.findall(r"\bcode\s*:=\s*(.*?);", code_of(text), re.DOTALL)
    if "RETURNS text" in text:
        given.append(code_of(text).partition("$$")[2])
    for expression in given:
        for word, more in re.findall(r"(?:^|\bTHEN\s|\bELSE\s)\s*'(\w+)'(\s*\|\|)?", expression):
            yield from (f"{word}{status}" for status in ENDED) if more else [word]


ENDED = [status.value for status in SessionStatus if status is not SessionStatus.ACTIVE]


def texts_compared_in(folder: str) -> set[str]:
    """Return every text that a `case` or a comparison of some part names."""
    found: set[str] = set()
    for path in python(folder):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.MatchValue):
                found |= texts(node.value)
            elif isinstance(node, ast.Compare):
                found |= texts(*node.comparators)
    return found


def texts(*nodes: ast.expr) -> set[str]:
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def known_to(part: str) -> set[str]:
    table: set[str] = set(codes._REFUSALS) if part == "replay" else set()  # noqa: SLF001 -- read, not used
    return table | {"forbidden"} | texts_compared_in(f"src/placet/{part}")


@pytest.mark.parametrize("part", ["replay", "authority"])
def test_every_code_that_a_function_gives_has_a_reader(part: str) -> None:
    given = {
        code
        for path in FILES
        if path.parts[-3] == part
        for part_ in parts(path)
        for code in answers(part_)
    }
    assert len(given) > 3
    assert given - known_to(part) - {"unauthenticated"} == set()


def test_every_refusal_that_stands_for_a_code_is_given_by_some_function() -> None:
    given = {code for path in FILES for part in parts(path) for code in answers(part)}
    # A decision that kept meeting other facts, or its time, is given up by us and by no function.
    given_up = {value for name, value in vars(codes).items() if name.startswith("STALE")}
    assert set(codes._REFUSALS) - given == given_up  # noqa: SLF001 -- read, not used


def words() -> dict[str, set[str]]:
    """Return the values that a column of each name may hold, over all tables."""
    found: dict[str, set[str]] = {}
    for table in METADATA.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, EnumText):
                found.setdefault(column.name, set()).update(m.value for m in column.type.enum)
    # A kind of due work, which any part may add to.
    found["kind"] |= {SEND_WEBHOOKS, LOG_EVENTS, SWEEP_ANSWERS}
    return found


def compared(text: str, column: str) -> Iterator[str]:
    """Return the literals that a column is set to or compared with."""
    name = rf"(?:\b\w+\.)?\b{column}\b"
    yield from re.findall(rf"{name}\s*(?:=|<>|:=)\s*'(\w+)'", text)
    for values in re.findall(rf"{name}\s+(?:NOT\s+)?IN\s*\(([^)]*)\)", text):
        yield from re.findall(r"'(\w+)'", values)


def test_every_word_that_sql_compares_a_state_with_is_a_word_of_its_enum() -> None:
    predicates = [
        str(index.dialect_options["postgresql"]["where"])
        for table in METADATA.sorted_tables
        for index in table.indexes
        if index.dialect_options["postgresql"]["where"] is not None
    ]
    sources = [code_of(path.read_text()) for path in FILES] + predicates
    seen = 0
    for column, known in words().items():
        said = {value for text in sources for value in compared(text, column)}
        seen += len(said)
        assert said <= known, column
    assert seen > 10


def test_a_word_of_no_enum_would_be_seen() -> None:
    assert set(compared("WHERE c.status IN ('granted', 'gone') OR status = 'x'", "status")) == {
        "granted",
        "gone",
        "x",
    }
