"""`placet view preview`: what an approval would change, and whose votes are missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.view.telling import document, noted, plain

if TYPE_CHECKING:
    from placet.studio.views.preview.model import ApprovalPreview, Voter


@click.command("preview")
@click.argument("request", type=click.UUID)
@url_option
@data_dir_option
@json_option
def command(*, request: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Show what REQUEST would change, what stands against it, and whose votes are missing.

    This is what the service says. To sign, use `placet approve`, which compiles and compares here.
    """
    from placet.cli.desk import at_desk

    shown = at_desk(url, data_dir, lambda studio: studio.views.preview(request))
    give(document(shown), "\n".join(_lines(shown)), as_json=as_json)


def _lines(shown: "ApprovalPreview") -> Iterator[str]:
    head = f"{shown.workspace.agent} in {shown.workspace.environment}"
    yield f"{head}: snapshot {shown.snapshot_id}, version {shown.snapshot_version}"
    yield f"{shown.status}, until {shown.deadline}, artifact {shown.artifact_hash[:12]}…"
    for change in shown.changes:
        yield f"  {change.kind:<8}  {plain(change.text)}"
    for judgment in shown.judgments:
        yield f"  {judgment.status:<8}  {judgment.severity}: {plain(judgment.message)}"
    if shown.impact:
        for flip in shown.impact.flips:
            yield f"  {flip.calls:,} recorded calls from {flip.before} to {flip.after}"
    for reason in shown.stands_against:
        yield f"  against   {plain(reason.detail)}"
    for one in shown.missing:
        yield f"  votes     {one.approvals} of {one.quorum} {f'in {one.name}' if one.name else ''}"
    for voter in shown.voters:
        yield f"  {_vote(voter):<10}  {plain(voter.name)}  {', '.join(voter.groups)}".rstrip()
    yield from noted(shown.says)


def _vote(voter: "Voter") -> str:
    if voter.decision is None:
        return "may vote" if voter.may_vote else "may not"
    return f"{voter.decision}" if voter.counts or voter.decision == "refuse" else "no more"
