"""`placet draft snapshot`: freezing a draft."""

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from placet.cli.draft.changing import draft_argument, version_of, version_option
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.snapshots.model import SnapshotAnswer


@click.command("snapshot")
@draft_argument
@version_option
@url_option
@data_dir_option
@json_option
def command(
    *,
    draft: UUID,
    version: int | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Freeze DRAFT with everything that is found in it; the same version is the same snapshot."""
    import msgspec

    from placet.cli.desk import at_desk

    async def frozen(studio: "Studio") -> "SnapshotAnswer":
        expected = await version_of(studio, draft, version)
        return await studio.snapshots.take(draft, version=expected)

    taken = at_desk(url, data_dir, frozen)
    told = msgspec.json.decode(msgspec.json.encode(taken))
    text = f"{taken.snapshot_id}  version {taken.version}  {taken.status}"
    give(told, text, as_json=as_json)
