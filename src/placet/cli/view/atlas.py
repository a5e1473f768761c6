"""`placet view atlas`: a workspace on one page."""

from collections.abc import Iterator
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
    from placet.studio.views.atlas.model import Atlas, AtlasTool


@click.command("atlas")
@workspace_argument
@of_option
@url_option
@data_dir_option
@json_option
def command(
    *, workspace: UUID, of: str | None, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Show WORKSPACE on one page: tools, work under way, drift, and who runs it."""
    from placet.cli.desk import at_desk

    shown = at_desk(url, data_dir, lambda studio: studio.views.atlas(workspace, of=view_of(of)))
    give(document(shown), "\n".join(_lines(shown)), as_json=as_json)


def _lines(shown: "Atlas") -> Iterator[str]:
    work, instances = shown.work, shown.instances
    yield from heading(shown.workspace, shown.basis)
    ahead = ", ahead of its snapshot" if work.is_behind else ""
    yield f"draft      {f'at version {work.draft.current_version}{ahead}' if work.draft else '-'}"
    votes = f"{work.request.status}, {work.request.votes} votes" if work.request else "-"
    yield f"request    {votes}"
    yield f"plan       {work.plan.status if work.plan else '-'}"
    yield (
        f"instances  {instances.instances}, {instances.converged} run what is in force,"
        f" {instances.silent} silent"
    )
    undecided = [f"{one.undecided} {one.severity}" for one in shown.drift if one.undecided]
    yield f"drift      {', '.join(undecided) or 'none undecided'}"
    for tool in shown.tools:
        yield _tool(tool)
    for name in shown.unknown_tools:
        yield f"  {plain(name):<28}  offered, in no contract"
    yield from noted(shown.says)


def _tool(tool: "AtlasTool") -> str:
    seen = "not counted" if tool.observed_least is None else f"{tool.observed_least:,} seen"
    drift = f", {tool.drift} drift" if tool.drift else ""
    return (
        f"  {tool.tool:<28}  {tool.side_effect:<11}  {tool.ruling:<5}"
        f"  {sum(one.rules for one in tool.rules):>3} rules"
        f"  {tool.hold.strength or 'not known':<11}  {seen}{' (thin)' if tool.is_thin else ''}"
        f"{drift}"
    )
