"""`placet view control`: the path of one tool's calls."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.view.telling import (
    document,
    drift_lines,
    heading,
    noted,
    of_option,
    plain,
    view_of,
    workspace_argument,
)

if TYPE_CHECKING:
    from placet.studio.views.control.model import ControlPath, Stage


@click.command("control")
@workspace_argument
@click.argument("tool")
@of_option
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 90))
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    workspace: UUID,
    tool: str,
    of: str | None,
    days: int,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show what a call of TOOL goes through in WORKSPACE, and what became of its calls."""
    from placet.cli.desk import at_desk

    shown = at_desk(
        url,
        data_dir,
        lambda studio: studio.views.control(workspace, tool, of=view_of(of), days=days),
    )
    give(document(shown), "\n".join(_lines(shown)), as_json=as_json)


def _lines(shown: "ControlPath") -> Iterator[str]:
    yield from heading(shown.workspace, shown.basis)
    yield f"{plain(shown.tool)}: {shown.side_effect or 'in no contract'}, {shown.ruling}"
    yield f"governed: {shown.hold.strength or 'not known'}"
    for stage in shown.stages:
        yield from _stage(stage)
    overlay = shown.overlay
    more = " and more" if overlay.is_truncated else ""
    yield f"{overlay.calls:,} calls in {overlay.sessions:,}{more} sessions since {overlay.since}"
    for one in overlay.verdicts:
        where = "" if one.layer is None else f" in layer {one.layer}"
        yield f"  {one.calls:>8,} {one.verdict}{where}, last at {one.last_at}"
    if shown.proofs:
        yield f"approved by {len(shown.proofs.approved_by)} people, view {shown.proofs.view_hash}"
    yield from drift_lines(shown.drift)
    yield from noted(shown.says)


def _stage(stage: "Stage") -> Iterator[str]:
    if not stage.rules and not stage.refused:
        return
    ended = f"  ({stage.refused:,} calls ended here)" if stage.refused else ""
    yield f"{'-' if stage.layer is None else stage.layer:>2}  {stage.about}{ended}"
    for rule in stage.rules:
        support = rule.support
        seen = (
            f"  {support.support_count:,} for, {support.contradiction_count:,} against"
            if support
            else ""
        )
        yield f"      {plain(rule.says)}  [{rule.rule}]{seen}"
