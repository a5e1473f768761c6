"""`placet policy compile`: a contract to its projections and the hash that it is known by."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.output import give, json_option
from placet.cli.policy.source import (
    CHECK_FAILED,
    contract_argument,
    load_contract,
    print_findings,
)

if TYPE_CHECKING:
    from placet.policy.compile import Compiled
    from placet.policy.finding import Finding

_EXAMPLES: Final = """\b
Examples:
  placet policy compile contract.yaml
  placet policy compile contracts/refund-desk --json
  placet policy compile contract.yaml -o build/
"""


@click.command("compile", epilog=_EXAMPLES)
@contract_argument
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write runtime.json, review.json and compat.json to this folder.",
)
@json_option
def compile_(file: str, folder: Path | None, *, as_json: bool) -> None:
    """Compile a contract, and print the hash that it is known by.

    FILE is a YAML or JSON file, the directory of a contract, or `-` for standard input. The same
    contract has the same hash on every machine. Exits with 1 if the contract has errors; blockers
    are told on stderr and keep nothing from being compiled.
    """
    from placet.policy.checks.located import check_located
    from placet.policy.compile import compile_contract, contract_hash
    from placet.policy.finding import Severity

    located = load_contract(file, as_json=as_json)
    findings = check_located(located)
    errors = [one for one in findings if one.severity is Severity.ERROR]
    if errors:
        print_findings(errors, as_json=as_json, source=file)
        raise click.exceptions.Exit(CHECK_FAILED)
    for finding in findings:
        if finding.severity is Severity.BLOCKER:
            line = f"{_place(file, finding)}: blocker {finding.code}: {finding.message}"
            click.echo(line, err=True)
    compiled = compile_contract(located.contract)
    if folder is not None:
        _write(folder, compiled)
    hashes = {
        "compiled_hash": compiled.compiled_hash.hex(),
        "contract_hash": contract_hash(located.contract).hex(),
        "compiler_version": compiled.compiler_version,
    }
    give(hashes, "\n".join(_words(compiled, hashes["contract_hash"])), as_json=as_json)


def _place(file: str, finding: "Finding") -> str:
    name = file if finding.file is None else str(Path(file, finding.file))
    return name if finding.line is None else f"{name}:{finding.line}:{finding.column}"


def _projections(compiled: "Compiled") -> dict[str, bytes]:
    return {"runtime": compiled.runtime, "review": compiled.review, "compat": compiled.compat}


def _words(compiled: "Compiled", contract_hash: str) -> list[str]:
    sizes = (f"{name} {len(text):,} bytes" for name, text in _projections(compiled).items())
    return [
        f"compiled hash     {compiled.compiled_hash.hex()}",
        f"contract hash     {contract_hash}",
        f"compiler version  {compiled.compiler_version}",
        f"projections       {', '.join(sizes)}",
    ]


def _write(folder: Path, compiled: "Compiled") -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in _projections(compiled).items():
            (folder / f"{name}.json").write_bytes(text)
    except OSError as fault:
        message = f"{folder} cannot be written: {fault.strerror}"
        raise click.UsageError(message) from fault


command = compile_
