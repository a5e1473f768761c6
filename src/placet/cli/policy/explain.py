"""`placet policy explain`: a contract, or the decision on one call, in sentences."""

from typing import TYPE_CHECKING, Final

import click

from placet.cli.output import give, json_option
from placet.cli.policy.source import (
    CHECK_FAILED,
    contract_argument,
    form_of,
    load_contract,
    print_findings,
    read_bytes,
)

if TYPE_CHECKING:
    from placet.policy.cases.model import Situation
    from placet.policy.facts import Facts
    from placet.policy.loaded import Policy
    from placet.policy.model import Contract

_EXAMPLES: Final = """\b
Examples:
  placet policy explain contract.yaml
  placet policy explain contract.yaml --tool issue_refund
  placet policy explain contract.yaml --call issue_refund '{"amount_cents": 90000}'
  placet policy explain contract.yaml --call close_case '{}' --facts facts.yaml
"""


@click.command("explain", epilog=_EXAMPLES)
@contract_argument
@click.option("--tool", help="Say only what holds for this tool.")
@click.option(
    "--call",
    nargs=2,
    metavar="TOOL ARGUMENTS",
    help="Decide on one call with these arguments, as JSON, and say why.",
)
@click.option(
    "--facts",
    "facts_file",
    type=click.Path(path_type=str, allow_dash=True),
    help="What is known when the call is made, in the form of a case's `facts`.",
)
@json_option
def explain(
    file: str,
    tool: str | None,
    call: tuple[str, str] | None,
    facts_file: str | None,
    *,
    as_json: bool,
) -> None:
    """Say in sentences what a contract allows, by tool and in the order of the layers.

    FILE is a YAML or JSON file, the directory of a contract, or `-` for standard input. With
    --call, one call is decided in a session that begins with it, and its decision explained: the
    rule, what is there, and what would have to be true. Exits with 0 whatever the decision.
    """
    if facts_file is not None and call is None:
        message = "--facts says what is known when a --call is made"
        raise click.UsageError(message)
    contract = _sound(file, as_json=as_json)
    if call is not None:
        _explain_call(contract, call, facts_file, as_json=as_json)
        return
    import msgspec

    from placet.policy.explain import explain_contract, explained_text

    explained = explain_contract(contract)
    if tool is not None:
        _check_known(tool, contract)
        tools = tuple(one for one in explained.tools if one.tool == tool)
        explained = msgspec.structs.replace(explained, tools=tools)
    give(msgspec.to_builtins(explained), explained_text(explained, tool), as_json=as_json)


def _sound(file: str, *, as_json: bool) -> "Contract":
    """Return a contract that has no errors; otherwise they are told, and the command ends."""
    from placet.policy.checks.located import check_located
    from placet.policy.finding import Severity

    located = load_contract(file, as_json=as_json)
    errors = [one for one in check_located(located) if one.severity is Severity.ERROR]
    if errors:
        print_findings(errors, as_json=as_json, source=file)
        raise click.exceptions.Exit(CHECK_FAILED)
    return located.contract


def _check_known(tool: str, contract: "Contract") -> None:
    import difflib

    names = [one.tool for one in contract.tools]
    if tool not in names:
        near = difflib.get_close_matches(tool, names, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        message = f"the contract has no tool `{tool}`{hint}"
        raise click.UsageError(message)


def _explain_call(
    contract: "Contract", call: tuple[str, str], facts_file: str | None, *, as_json: bool
) -> None:
    import msgspec

    from placet.policy.compile import compile_contract
    from placet.policy.evaluate import evaluate
    from placet.policy.explain import explain_decision
    from placet.policy.facts import Call
    from placet.policy.load import load_policy

    tool, arguments = call
    policy = load_policy(compile_contract(contract).runtime)
    facts = _facts(policy, facts_file)
    decision = evaluate(policy, facts, Call(tool=tool, arguments=arguments.encode()))
    text = explain_decision(tool, decision)
    document = {"tool": tool, **msgspec.to_builtins(decision), "says": text}
    give(document, text, as_json=as_json)


def _facts(policy: "Policy", file: str | None) -> "Facts":
    """Return the facts of a session that begins now, or those that a file says.

    Raises a usage error for a file that does not say any.
    """
    from placet.policy.cases.model import Situation
    from placet.policy.cases.situation import facts_of

    try:
        return facts_of(policy, Situation() if file is None else _situation(file))
    except ValueError as fault:
        message = f"{file} says what cannot be: {fault}"
        raise click.UsageError(message) from fault


def _situation(file: str) -> "Situation":
    """Return what a file says of a session. Raises a usage error."""
    from placet.policy.cases.model import Situation
    from placet.policy.text.bind import bind
    from placet.policy.text.parse import read_text
    from placet.policy.text.tree import TextError

    text = read_bytes(file)
    try:
        node, faults = read_text(text, form_of(file, text))
        found = bind(node, Situation)
    except TextError as fault:
        node, faults, found = None, [fault.finding], []
    if isinstance(found, Situation) and not faults:
        return found
    at = [*faults, *(found if isinstance(found, list) else [])][0]
    message = f"{file}, line {at.line}, column {at.column}: {at.message}"
    raise click.UsageError(message)


command = explain
