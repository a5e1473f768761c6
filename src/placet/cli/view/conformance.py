"""`placet view conformance`: what scans found of what is in force."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.view.telling import (
    document,
    drift_lines,
    heading,
    noted,
    plain,
    workspace_argument,
)

if TYPE_CHECKING:
    from placet.studio.views.conformance.model import Conformance

_CLEAN: Final = {None: "never checked", True: "checked and clean", False: "checked, not clean"}


@click.command("conformance")
@workspace_argument
@url_option
@data_dir_option
@json_option
def command(*, workspace: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Show whether the agent of WORKSPACE keeps to what is in force, as far as anybody looked."""
    from placet.cli.desk import at_desk

    shown = at_desk(url, data_dir, lambda studio: studio.views.conformance(workspace))
    give(document(shown), "\n".join(_lines(shown)), as_json=as_json)


def _lines(shown: "Conformance") -> Iterator[str]:
    yield from heading(shown.workspace, shown.basis)
    scans = len(shown.scans)
    yield f"{_CLEAN[shown.is_clean]}: {shown.calls_checked:,} calls in the last {scans} scans"
    counts = ", ".join(f"{one.rules:,} {one.freshness}" for one in shown.freshness if one.rules)
    yield f"rules: {counts or 'not counted'}"
    for rule in shown.rules:
        yield (
            f"  {rule.support_count:>8,} for  {rule.contradiction_count:>8,} against"
            f"  {rule.freshness:<7}  {plain(rule.says or '')}  [{rule.rule}]"
        )
    yield from drift_lines(shown.drift)
    yield from noted(shown.says)
