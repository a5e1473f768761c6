"""`placet draft review`: what stops an approval, and what was answered."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.draft.changing import draft_argument
from placet.cli.exits import Exit
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.studio.snapshots.model import DraftReview


@click.command("review")
@draft_argument
@url_option
@data_dir_option
@json_option
def command(*, draft: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print what a snapshot of DRAFT would hold now. Ends with 1 if it could not be approved."""
    import msgspec

    from placet.cli.desk import at_desk
    from placet.studio.snapshots.model import SnapshotStatus

    found = at_desk(url, data_dir, lambda studio: studio.drafts.review(draft))
    give(msgspec.to_builtins(found), "\n".join(_lines(found)), as_json=as_json)
    if found.status is not SnapshotStatus.READY_FOR_APPROVAL:
        raise click.exceptions.Exit(Exit.FAILED)


def _lines(found: "DraftReview") -> list[str]:
    lines = [
        f"draft      {found.draft_id}, version {found.version}: {found.status}",
        f"sources    {len(found.sources)} ({found.source_snapshot_hash})",
    ]
    lines += [
        f"error      {one.code} at {plain(one.path)}: {plain(one.message)}"
        for one in found.findings
        if one.severity == "error"
    ]
    for judgment in found.judgments:
        about = f"{judgment.code} at {plain(judgment.place)}: {plain(judgment.message)}"
        lines.append(f"{judgment.severity:<10} {judgment.judgment_id} {judgment.status:<8} {about}")
        if judgment.answer is not None:
            lines.append(
                f"  answer   {plain(judgment.answer.reason or '')} ({judgment.answer.actor_id})"
            )
        elif judgment.hint:
            lines.append(f"  help     {judgment.hint}")
    return lines
