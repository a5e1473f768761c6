"""The group `placet policy`."""

from typing import Final

import click

from placet.cli.lazy import LazyGroup

COMMANDS: Final = {
    "check": ("placet.cli.policy.check", "Say everything that is wrong with a contract."),
    "compile": ("placet.cli.policy.compile", "Compile a contract, and print its hash."),
    "explain": ("placet.cli.policy.explain", "Say in sentences what a contract allows."),
    "diff": ("placet.cli.policy.diff", "Compare two contracts, what is widened first."),
    "test": ("placet.cli.policy.test", "Run case tables against the evaluator."),
    "simulate": ("placet.cli.policy.simulate", "Replay recorded calls on a contract."),
    "fmt": ("placet.cli.policy.fmt", "Write a contract in its usual form."),
    "rebuild": ("placet.cli.policy.rebuild", "Compile an approved contract anew, and compare."),
    "schema": ("placet.cli.policy.schema", "Print the JSON Schema of the language."),
}


@click.group("policy", cls=LazyGroup, table=COMMANDS)
def policy() -> None:
    """Work on contracts: what one agent may do in one environment.

    Needs no service, no database and no network, but for `rebuild` with an approval's id.

    \b
    Examples:
      placet policy check contract.yaml --environment production
      placet policy diff approved.yaml contract.yaml
      placet policy simulate --calls calls.jsonl contract.yaml
    """  # noqa: D301 -- \b keeps click from folding the examples


command = policy
