"""The codes: each is registered once, and brought by a case of the table or by a long text here."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from placet.policy.checks.check import check_contract
from placet.policy.checks.codes import CODES, GROUPS
from placet.policy.checks.cost import CONDITIONS_MAX, PATTERNS_MAX
from placet.policy.finding import Finding, Severity
from placet.policy.text.directory import FILES_MAX, parse_directory
from placet.policy.text.parse import Located, parse_located
from placet.policy.text.tree import DEPTH_MAX, KEY_MAX, TEXT_BYTES_MAX, VALUES_MAX

TABLE = yaml.safe_load((Path(__file__).parent / "findings.yaml").read_text("utf-8"))["codes"]
START = 'schema_version: "1"\nagent: desk\nsession: {risk_defaults: {read: allow}}\ntools:\n'
TOOL = "side_effect: read, evidence_class: ack_only, commit_requirement: acknowledged"


def of_tool(more: str) -> str:
    return f"{START}  - {{tool: look, {TOOL}, {more}}}\n"


def patterns(count: int) -> str:
    words = ", ".join(f"p{n}: {{pattern: a}}" for n in range(count))
    return of_tool(f"input_schema: {{properties: {{{words}}}}}")


def branches(count: int) -> str:
    """Return a tool whose schema doubles its work so many times."""
    names = ", ".join(
        f"a{n}: {{allOf: [{{$ref: '#/$defs/a{n + 1}'}}, {{$ref: '#/$defs/a{n + 1}'}}]}}"
        for n in range(count)
    )
    return of_tool(f"input_schema: {{$ref: '#/$defs/a0', $defs: {{{names}, a{count}: true}}}}")


def conditions(size: int) -> str:
    """Return tools whose conditions, all different, have so many characters together."""
    texts = [f"true || {n:04} == 0{' ' * 983}" for n in range(size // 1_000)]
    tools = [f"  - {{tool: t{n}, {TOOL}, when: '{text}'}}\n" for n, text in enumerate(texts)]
    return START + "".join(tools)


def deep(levels: int) -> str:
    schema = "{not: " * levels + "true" + "}" * levels
    return of_tool(f"input_schema: {schema}")


def enum(count: int) -> str:
    return of_tool(f"input_schema: {{enum: [{','.join('1' * count)}]}}")


def key(length: int) -> str:
    return of_tool(f"input_schema: {{properties: {{{'k' * length}: true}}}}")


# Each code with a text that brings it, and one a step shorter that does not.
LONG = {
    "too_large": (" " * TEXT_BYTES_MAX + "\n", START),
    "too_deep": (deep(DEPTH_MAX), deep(DEPTH_MAX - 4)),
    "too_many_values": (enum(VALUES_MAX), enum(VALUES_MAX // 2)),
    "key_too_long": (key(KEY_MAX + 1), key(KEY_MAX)),
    "patterns_many": (patterns(PATTERNS_MAX + 1), patterns(PATTERNS_MAX)),
    "conditions_many": (conditions(CONDITIONS_MAX + 1_000), conditions(CONDITIONS_MAX)),
    "too_costly": (branches(30), branches(3)),
}
FILES = "too_many_files"
POLICY = Path(__file__).parents[3] / "src/placet/policy"
MAKERS = {"found", "error", "_refuse", "_repeated"}
CODE = re.compile(r"[a-z]+(_[a-z0-9]+)+|widened")


def codes_of(found: Located | list[Finding]) -> set[str]:
    findings = check_contract(found.contract) if isinstance(found, Located) else found
    return {finding.code for finding in findings}


@pytest.mark.parametrize(("code", "texts"), LONG.items(), ids=LONG)
def test_a_contract_that_is_too_long_has_its_finding_and_a_shorter_one_has_not(
    code: str, texts: tuple[str, str]
) -> None:
    long, shorter = (codes_of(parse_located(text.encode(), "yaml")) for text in texts)
    assert code in long
    assert code not in shorter


def test_a_directory_with_too_many_files_has_its_finding_and_a_smaller_one_has_not() -> None:
    files = {f"tools/t{n}.yaml": b"" for n in range(FILES_MAX + 1)}
    assert codes_of(parse_directory(files)) == {FILES}
    files.popitem()
    assert FILES not in codes_of(parse_directory(files))


def test_every_code_is_brought_by_a_case_and_missed_by_one() -> None:
    for code, entry in TABLE.items():
        assert all(code in str(case["expect"]) for case in entry["finds"]), code
        assert entry["finds"], code
        assert entry["passes"], code
        assert not any("expect" in case for case in entry["passes"]), code
    assert {*TABLE} | {*LONG, FILES} == {*CODES}


def test_the_severities_are_those_of_the_table() -> None:
    severities = {code: Severity(entry["severity"]) for code, entry in TABLE.items()}
    assert severities == {code: CODES[code].severity for code in TABLE}
    assert {CODES[code].severity for code in (*LONG, FILES)} == {Severity.ERROR}


def test_each_code_is_registered_once_with_a_sentence() -> None:
    codes = [one.code for _, group in GROUPS for one in group]
    assert len(codes) == len({*codes})
    says = [CODES[code].says for code in codes]
    assert len(says) == len({*says})
    assert [one for one in says if not (one[:1].isupper() or one[:1] == "`")] == []
    assert [one for one in says if one[-1:] != "."] == []


def codes_in(file: Path) -> Iterator[str]:
    """Yield the codes that a file gives to a maker of findings, yields, or names `code`."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in MAKERS:
                parts = [*node.args]
            case ast.Assign(targets=[target], value=value) if "code" in ast.unparse(target):
                parts = [part for part in ast.walk(value) if isinstance(part, ast.expr)]
            case ast.Yield(value=ast.Tuple(elts=parts)):
                pass
            case _:
                continue
        words = [part.value for part in parts if isinstance(part, ast.Constant)]
        yield from (word for word in words if isinstance(word, str) and CODE.fullmatch(word))


def test_every_code_that_the_source_gives_is_registered_and_every_registered_one_is_given() -> None:
    files = [*(POLICY / "checks").glob("*.py"), *(POLICY / "text").glob("*.py")]
    given = {code for file in files for code in codes_in(file)}
    assert given == {*CODES}
