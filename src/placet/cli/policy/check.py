"""`placet policy check`: everything that is wrong with a contract, in one pass."""

from typing import TYPE_CHECKING, Final

import click

from placet.cli.output import json_option, say
from placet.cli.policy.source import (
    CHECK_FAILED,
    contract_argument,
    load_contract,
    print_findings,
    read_bytes,
    read_contract_at,
)

if TYPE_CHECKING:
    from placet.policy.finding import Finding, Strength
    from placet.policy.model import Contract

_ENVIRONMENTS: Final = ("development", "staging", "production")
_EXAMPLES: Final = """\b
Examples:
  placet policy check contract.yaml
  placet policy check contracts/refund-desk --environment production --strength strength.yaml
  placet policy check contract.yaml --against approved.yaml
  git show main:contract.yaml | placet policy check - --json
"""


@click.command("check", epilog=_EXAMPLES)
@contract_argument
@click.option(
    "--environment",
    type=click.Choice(_ENVIRONMENTS),
    help="Check what depends on the environment, too.",
)
@click.option(
    "--strength",
    "strength_file",
    type=click.Path(path_type=str, allow_dash=True),
    help="How tools are governed: {tool: cooperative | proxied | verified}, as YAML or JSON.",
)
@click.option(
    "--against",
    type=click.Path(path_type=str, allow_dash=True),
    help="Say first what is wider than in this other contract.",
)
@json_option
def check(
    file: str,
    environment: str | None,
    strength_file: str | None,
    against: str | None,
    *,
    as_json: bool,
) -> None:
    """Say everything that is wrong with a contract, and what is worth knowing of it.

    FILE is a YAML or JSON file, the directory of a contract, or `-` for standard input. Exits with
    1 if anything is an error or a blocker, and with 0 otherwise. A tool that --strength does not
    name is governed cooperatively. With --json, prints `{"findings": [...]}`.
    """
    from placet.kernel.principal import Environment
    from placet.policy.checks.check import stops
    from placet.policy.checks.located import check_located

    said = {} if strength_file is None else _strength(strength_file)
    other = None if against is None else _other(against)
    located = load_contract(file, as_json=as_json)
    _check_names(said, located.contract)
    findings: list[Finding] = []
    if other is not None:
        from placet.policy.checks.against import check_against

        findings += check_against(located, other)
    known = None if environment is None else Environment(environment)
    findings += check_located(located, known, said)
    print_findings(findings, as_json=as_json, source=file)
    if not findings:
        say("nothing is wrong")
    raise click.exceptions.Exit(CHECK_FAILED if stops(findings) else 0)


def _strength(path: str) -> "dict[str, Strength]":
    """Return how tools are governed. Raises a usage error for a file that does not say so."""
    import msgspec

    from placet.cli.policy.source import form_of
    from placet.policy.finding import Strength
    from placet.policy.text.parse import read_text
    from placet.policy.text.tree import TextError
    from placet.policy.text.values import plain

    text = read_bytes(path)
    try:
        node, faults = read_text(text, form_of(path, text))
    except TextError as fault:
        faults = [fault.finding]
    if faults:
        at = faults[0]
        message = f"{path}, line {at.line}, column {at.column}: {at.message}"
        raise click.UsageError(message)
    try:
        return msgspec.convert(plain(node), dict[str, Strength])
    except msgspec.ValidationError as fault:
        message = f"{path} is no mapping of tools to cooperative, proxied or verified: {fault}"
        raise click.UsageError(message) from fault


def _check_names(strength: "dict[str, Strength]", contract: "Contract") -> None:
    unknown = sorted(strength.keys() - {tool.tool for tool in contract.tools})
    if unknown:
        message = f"--strength names `{unknown[0][:100]}`, which is no tool of the contract"
        raise click.UsageError(message)


def _other(path: str) -> "Contract":
    """Return the contract to compare with. Raises a usage error where there is none."""
    found = read_contract_at(path)
    if isinstance(found, list):
        message = f"--against {path} is no contract: {found[0].message}"
        raise click.UsageError(message)
    return found.contract


command = check
