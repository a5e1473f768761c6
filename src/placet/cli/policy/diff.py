"""`placet policy diff`: what one contract lets pass that another does not."""

from typing import TYPE_CHECKING, Final

import click

from placet.cli.output import give, json_option
from placet.cli.policy.source import load_contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placet.policy.diff.change import Change

WIDENED: Final = 1
VALUES_MAX: Final = 80
"""Characters of a value before and after that are told beside the sentence."""

_EXAMPLES: Final = """\b
Examples:
  placet policy diff approved.yaml contract.yaml
  placet policy diff contracts/old contracts/new --json
  git show main:contract.yaml | placet policy diff - contract.yaml --exit-code
"""


@click.command("diff", epilog=_EXAMPLES)
@click.argument("old", type=click.Path(path_type=str, allow_dash=True))
@click.argument("new", type=click.Path(path_type=str, allow_dash=True))
@click.option("--exit-code", is_flag=True, help="Exit with 1 if something is, or may be, widened.")
@json_option
def diff(old: str, new: str, *, exit_code: bool, as_json: bool) -> None:
    """Compare two contracts rule by rule: widened first, then changed, then narrowed.

    OLD and NEW are YAML or JSON files, directories of contracts, or `-` for standard input. What
    is widened is decided from what the rules mean: a rule in other words or in another place is no
    change. With --json, prints `{"changes": [...], "summary": {...}}`.
    """
    import msgspec

    from placet.policy.diff.contracts import diff_contracts

    before = load_contract(old, as_json=as_json).contract
    after = load_contract(new, as_json=as_json).contract
    changes = diff_contracts(before, after)
    document = {"changes": msgspec.to_builtins(changes), "summary": _summary(changes)}
    give(document, "\n".join(change_lines(changes)), as_json=as_json)
    if exit_code and any(change.may_widen for change in changes):
        raise click.exceptions.Exit(WIDENED)


def _summary(changes: "list[Change]") -> dict[str, int]:
    from placet.policy.diff.change import ChangeKind

    kinds = [change.kind for change in changes]
    return {
        "widened": kinds.count(ChangeKind.WIDENED),
        "narrowed": kinds.count(ChangeKind.NARROWED),
        "changed": kinds.count(ChangeKind.CHANGED),
    }


def change_lines(changes: "list[Change]") -> "Iterator[str]":
    """Yield the lines that tell of changes, in groups: what widened stands first."""
    if not changes:
        yield "nothing changed"
        return
    groups: dict[str, list[Change]] = {}
    for change in changes:
        groups.setdefault(_group(change), []).append(change)
    for index, (name, of) in enumerate(groups.items()):
        if index:
            yield ""
        yield f"{name} ({len(of)})"
        for change in of:
            yield from _change_words(change)


def _group(change: "Change") -> str:
    from placet.policy.diff.change import ChangeKind

    if change.kind is ChangeKind.CHANGED:
        return "changed, may widen" if change.may_widen else "changed"
    return str(change.kind)


def _change_words(change: "Change") -> "Iterator[str]":
    from placet.policy.operators import json_text

    yield f"  {change.tool or 'session'}  {change.path}"
    yield f"    {' '.join(change.text.split())}"
    if change.before is not None and change.after is not None:
        values = " -> ".join(map(json_text, (change.before, change.after)))
        if len(values) <= VALUES_MAX:
            yield f"    {values}"


command = diff
