"""The table of findings: an edit of a sound contract, what it brings, and where that stands."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from placet.kernel.principal import Environment
from placet.policy.checks.against import check_against
from placet.policy.checks.located import check_located
from placet.policy.compile import compile_contract
from placet.policy.finding import Finding, Severity, Strength
from placet.policy.load import load_policy
from placet.policy.text.directory import parse_directory
from placet.policy.text.parse import Located, parse_located

TABLE = yaml.safe_load((Path(__file__).parent / "findings.yaml").read_text("utf-8"))
EXAMPLE = (Path(__file__).parents[1] / "example.yaml").read_text("utf-8")
MARK = "»"

Place = tuple[str | None, int, int]

CASES = [
    pytest.param(code, case, id=f"{code} {kind} {number}")
    for code, entry in TABLE["codes"].items()
    for kind in ("finds", "passes")
    for number, case in enumerate(entry[kind])
]


def edited(edits: dict[str, str]) -> str:
    """Return the sound contract with some pieces changed, each of which it has once."""
    text = EXAMPLE
    for old, new in edits.items():
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
        text = text.replace(old, new)
    return text


def texts_of(case: dict[str, Any]) -> dict[str | None, str]:
    """Return the files of a case with their marks; a single document has no name."""
    if "files" in case:
        return dict(case["files"])
    for form in ("yaml", "json", "latin"):
        if form in case:
            return {None: case[form]}
    return {None: edited(case.get("edit", {}))}


def marks_in(file: str | None, text: str) -> list[Place]:
    """Return the places that a text marks, as they are once the marks are taken out."""
    places = []
    for line, words in enumerate(text.split("\n"), 1):
        pieces = words.split(MARK)[:-1]
        places += [(file, line, len("".join(pieces[: it + 1])) + 1) for it in range(len(pieces))]
    return places


def located_of(case: dict[str, Any]) -> Located | list[Finding]:
    """Return the contract of a case, or what keeps its text from being one."""
    texts = {
        file: text.replace(MARK, "").encode("latin-1" if "latin" in case else "utf-8")
        for file, text in texts_of(case).items()
    }
    if "files" in case:
        return parse_directory({str(file): text for file, text in texts.items()})
    return parse_located(texts[None], "json" if "json" in case else "yaml")


def findings_of(case: dict[str, Any]) -> list[Finding]:
    read = located_of(case)
    if not isinstance(read, Located):
        return read
    environment = Environment(case["environment"]) if "environment" in case else None
    strength = {tool: Strength(it) for tool, it in case.get("strength", {}).items()}
    found = check_located(read, environment, strength)
    if "against" in case:
        other = parse_located(edited(case["against"]).encode(), "yaml")
        assert isinstance(other, Located), other
        return [*check_against(read, other.contract), *found]
    return found


def words_of(finding: Finding) -> str:
    """Return a finding as the table writes it."""
    related = "" if finding.related is None else f" < {finding.related}"
    file = "" if finding.file is None else f" in {finding.file}"
    return f"{finding.code} {finding.path}{related}{file}"


@pytest.mark.parametrize(("code", "case"), CASES)
def test_an_edit_brings_exactly_the_findings_of_the_table_where_it_is_marked(
    code: str, case: dict[str, Any]
) -> None:
    found = findings_of(case)
    assert [words_of(finding) for finding in found] == case.get("expect", [])
    assert ("expect" in case) is (code in {finding.code for finding in found})
    marked = {place for file, text in texts_of(case).items() for place in marks_in(file, text)}
    stands = {(it.file, it.line, it.column) for it in found if it.line is not None}
    assert stands == marked


def test_the_sound_contract_has_no_finding_of_any_severity() -> None:
    assert findings_of({}) == []


def test_messages_and_hints_are_told_in_one_manner() -> None:
    cases = (case for entry in TABLE["codes"].values() for case in entry["finds"])
    told = [text for case in cases for it in findings_of(case) for text in (it.message, it.hint)]
    assert "" not in told[::2]
    assert {it for it in told if it[:1].isupper() or it[-1:] in {".", "!", ":"}} == set()


def test_every_contract_of_the_table_without_an_error_can_be_compiled_and_loaded() -> None:
    cases = (it for entry in TABLE["codes"].values() for it in (*entry["finds"], *entry["passes"]))
    loaded = 0
    for case in cases:
        read = located_of(case)
        if isinstance(read, Located) and not errors_in(check_located(read)):
            loaded += 1
            assert load_policy(compile_contract(read.contract).runtime).agent == read.contract.agent
    assert loaded > len(TABLE["codes"])


def errors_in(findings: list[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)
