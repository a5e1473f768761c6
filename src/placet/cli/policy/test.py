"""`placet policy test`: case tables against the evaluator."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from placet.cli.output import json_option
from placet.cli.policy.source import (
    STDIN,
    MissingError,
    form_of,
    print_findings,
    read_bytes,
    read_contract_at,
)

if TYPE_CHECKING:
    from placet.policy.cases.judge import Result
    from placet.policy.cases.table import Table
    from placet.policy.cases.trials import Trial
    from placet.policy.finding import Finding

FAILED: Final = 1
MALFORMED: Final = 2
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})

_EXAMPLES: Final = """\b
Examples:
  placet policy test cases/
  placet policy test cases/refunds.yaml cases/limits.yaml
  placet policy test cases/ --junit report.xml
"""


@click.command("test", epilog=_EXAMPLES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=str))
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the results as JUnit XML, too.",
)
@json_option
def test(paths: tuple[str, ...], junit_file: Path | None, *, as_json: bool) -> None:
    """Run case tables: a contract, what is known, a call, and what must come out.

    PATHS are case files, or directories of them: each `.yaml`, `.yml` and `.json` file below one
    must be a case file. Exits with 0 if every case passes, with 1 if one fails, and with 2 if a
    case file is malformed or there is none; then nothing is run.
    """
    from placet.policy.cases.judge import judge

    ready: dict[str, list[Trial]] = {}
    findings: list[Finding] = []
    for file in _files(paths):
        made, found = trials_at(file)
        ready[file] = made
        findings += found
    if findings:
        print_findings(findings, as_json=as_json)
        sys.exit(MALFORMED)
    results = {file: [judge(one) for one in made] for file, made in ready.items()}
    _tell(results, as_json=as_json)
    if junit_file is not None:
        _write(junit_file, results)
    is_passed = all(one.is_passed for of_file in results.values() for one in of_file)
    sys.exit(0 if is_passed else FAILED)


def _files(paths: tuple[str, ...]) -> list[str]:
    """Return the case files, each once, in the order given and by name within a directory."""
    files: dict[str, None] = {}
    for path in paths:
        here = Path(path)
        if not here.is_dir():
            files[path] = None
            continue
        found = sorted(
            str(one) for one in here.rglob("*") if one.suffix.lower() in _SUFFIXES and one.is_file()
        )
        if not found:
            message = f"{path} has no case file ({', '.join(sorted(_SUFFIXES))})"
            raise click.UsageError(message)
        files |= dict.fromkeys(found)
    return list(files)


def trials_at(file: str) -> "tuple[list[Trial], list[Finding]]":
    """Return the trials of a case file, or what is wrong with it or with its contract."""
    from placet.policy.cases.read import read_table
    from placet.policy.cases.trials import trials

    text = read_bytes(file)
    table = read_table(text, form_of(file, text))
    if isinstance(table, list):
        return [], _in_file(file, table)
    named = {} if table.contract_path is None else _contract(file, table, table.contract_path)
    if isinstance(named, list):
        return [], named
    made, faults = trials(table, named or None)
    return made, _in_file(file, faults)


def _contract(file: str, table: "Table", path: str) -> "dict[str, object] | list[Finding]":
    """Return the document of the contract that a table names by a path from its own folder."""
    from placet.policy.text.document import contract_document

    where = str(Path(file).parent / path)
    where = f"./{where}" if where == STDIN else where
    try:
        found = read_contract_at(where)
    except MissingError as fault:
        return _in_file(file, [table.fault(("contract",), fault.message)])
    if isinstance(found, list):
        return _in_file(where, found)
    return contract_document(found.contract)


def _in_file(file: str, findings: "list[Finding]") -> "list[Finding]":
    return [
        msgspec.structs.replace(one, file=file if one.file is None else str(Path(file, one.file)))
        for one in findings
    ]


def _write(junit_file: Path, results: "dict[str, list[Result]]") -> None:
    from placet.policy.cases.junit import junit_xml

    try:
        junit_file.write_text(junit_xml(results), encoding="utf-8")
    except OSError as fault:
        message = f"{junit_file} cannot be written: {fault.strerror}"
        raise click.UsageError(message) from fault


def _tell(results: "dict[str, list[Result]]", *, as_json: bool) -> None:
    from placet.policy.cases.words import failure_lines, summary_line

    every = [(file, one) for file, of_file in results.items() for one in of_file]
    failed = [(file, one) for file, one in every if not one.is_passed]
    if not as_json:
        for file, one in failed:
            click.echo("\n".join(failure_lines(file, one)))
        click.echo(summary_line(results))
        return
    document = {
        "cases": [
            {"file": file, "passed": one.is_passed, **msgspec.to_builtins(one)}
            for file, one in every
        ],
        "summary": {
            "cases": len(every),
            "passed": len(every) - len(failed),
            "failed": len(failed),
        },
    }
    click.echo(msgspec.json.encode(document).decode())


command = test
