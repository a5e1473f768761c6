"""`placet view focus`: one judgment or drift item."""

from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.view.telling import (
    document,
    heading,
    noted,
    of_option,
    plain,
    view_of,
    workspace_argument,
)

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.views.focus.model import Focus


@click.command("focus")
@workspace_argument
@click.option("--judgment", help="Id of a judgment; `placet draft review` lists them.")
@click.option("--drift", type=click.UUID, help="Id of a drift item.")
@of_option
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    workspace: UUID,
    judgment: str | None,
    drift: UUID | None,
    of: str | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show one judgment or one drift item of WORKSPACE, and what each answer would lead to."""
    from placet.cli.desk import at_desk

    if (judgment is None) == (drift is None) or not (judgment is None or judgment.isalnum()):
        message = "name one of --judgment and --drift, by its id"
        raise click.UsageError(message)

    def asked(studio: "Studio") -> "Awaitable[Focus]":
        if drift is not None:
            return studio.views.drift(workspace, drift)
        return studio.views.judgment(workspace, judgment or "", of=view_of(of))

    shown = at_desk(url, data_dir, asked)
    give(document(shown), "\n".join(_lines(shown)), as_json=as_json)


def _lines(shown: "Focus") -> Iterator[str]:
    yield from heading(shown.workspace, shown.basis)
    if shown.judgment:
        yield f"{shown.judgment.severity}, {shown.judgment.status}: {plain(shown.judgment.message)}"
    if shown.drift:
        yield f"{shown.drift.severity}, {shown.drift.status}: {plain(shown.drift.summary)}"
    for rule in shown.rules:
        yield f"  {'-' if rule.layer is None else rule.layer:>2}  {plain(rule.says)}  [{rule.rule}]"
    for one in shown.mentions:
        place = f"{plain(one.title)} ({one.kind}), from line {one.first_line}"
        yield f"  {one.parts:,} times in {place}"
    yield "answers"
    for answer in shown.consequences:
        then = f", snapshot `{answer.snapshot_status}`" if answer.snapshot_status else ""
        yield f"  {answer.answer:<17}  {answer.leads_to}{then}: {plain(answer.says)}"
        if answer.needs:
            yield f"  {'':<17}  needs {' or '.join(answer.needs)}"
    yield from noted(shown.says)
