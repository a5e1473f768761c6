"""`placet checkpoint`: signed words on the whole log, to keep where nobody here can reach them."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option, say
from placet.cli.pins import pins_option
from placet.settings import Settings, load_settings

if TYPE_CHECKING:
    from uuid import UUID

    from placet.authority.checkpoints.model import CheckpointView, Rebuilt, TreeFlawed
    from placet.sdk.studio.client import Studio

_EXAMPLES: Final = """\b
Examples:
  placet checkpoint list
  placet checkpoint show --json
  placet checkpoint save -o checkpoint.json
  placet checkpoint save --append -o /media/witness/acme.jsonl
  placet checkpoint rebuild-tiles --tenant 01890a5d-ac96-774b-bcce-b302099a8057
  placet verify bundle.jsonl --checkpoint checkpoint.json
"""

_PAGES_A_LINE: Final = 16
"""How many pages are read from one line of progress to the next."""


@click.group(name="checkpoint", epilog=_EXAMPLES)
def command() -> None:
    """See the signed checkpoints of the tenant's log, and keep them.

    Whoever keeps one, away from the database, can tell later whether the log only grew since.
    """


@command.command(name="list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 500))
@url_option
@data_dir_option
@json_option
def list_(*, limit: int, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the checkpoints, the newest first."""
    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.checkpoints.page(limit=limit)).items
    lines = "\n".join(map(_line, found))
    give(_plain(found), lines or "the log has no checkpoint yet", as_json=as_json)


@command.command()
@url_option
@data_dir_option
@json_option
def show(*, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Show the newest checkpoint."""
    newest = _newest(url, data_dir)
    give(_plain(newest), _line(newest), as_json=as_json)


@command.command()
@click.option(
    "-o",
    "--output",
    "file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write. The checkpoint in it is replaced, unless --append is given.",
)
@click.option(
    "--append", is_flag=True, help="Add a line to the file, behind the one that it follows from."
)
@pins_option
@url_option
@data_dir_option
@json_option
def save(  # noqa: PLR0913 -- one argument per option
    *,
    file: Path,
    append: bool,
    pins: Path | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Write the newest checkpoint to a file, for `placet verify --checkpoint`.

    With --append a checkpoint is added only behind one of the same tenant, both signed by pinned
    keys (`placet keys pin`), and only where the service proves that its log grew from there; a
    later restore epoch may begin anew. Without it a single checkpoint is replaced by one that
    follows from it, and a file of lines never.
    """
    from placet.cli.kept_checkpoint import append_to, pinned_keys, replace_in

    if append:
        newest = append_to(file, pinned_keys(pins), url, data_dir)
    else:
        newest = replace_in(file, url, data_dir)
    told = {"file": str(file), "size": newest.size, "root": newest.root, "epoch": newest.epoch}
    give(told, f"{_line(newest)}\nin {file}", as_json=as_json)


@command.command(name="rebuild-tiles")
@click.option(
    "--tenant",
    "tenant_id",
    required=True,
    type=click.UUID,
    help="Whose log; what the service wrote of a damaged one names it.",
)
@data_dir_option
@json_option
def rebuild_tiles(*, tenant_id: "UUID", data_dir: Path | None, as_json: bool) -> None:
    """Make the cache of a log's tree anew, from its entries, in the database itself.

    For a log that is `log_damaged`: nothing enters it while what is kept of its tree does not give
    its root. The entries are read first and held against every checkpoint and the log's head. Only
    where they give all of them is anything written, and an event of the tenant tells of it. What
    was broken off can be begun again, and the service may run.
    """
    import asyncio

    from placet.authority.checkpoints.model import TreeFlawed
    from placet.cli import database

    with database.held(load_settings({"data_dir": data_dir})) as (ready, _):
        done = asyncio.run(_rebuilt(ready, tenant_id))
    if isinstance(done, TreeFlawed):
        raise _flawed(done)
    text = (
        f"{done.size:,} entries give all {done.checkpoints:,} checkpoints and the log's head;"
        f" {done.tiles:,} tiles were made anew"
    )
    give(_plain(done), text, as_json=as_json)


async def _rebuilt(ready: Settings, tenant_id: "UUID") -> "Rebuilt | TreeFlawed":
    from placet.authority.checkpoints.rebuilding import PAGE, rebuild_tiles
    from placet.kernel.ids import SystemIds, TenantId
    from placet.storage.database import Database

    def tell(what: str, at: int, of: int) -> None:
        if at == of or at // PAGE % _PAGES_A_LINE == 0:
            say(f"{what} {at:,} of {of:,} entries")

    db = await Database.open(ready.database_url or "", pool_size=2)
    try:
        return await rebuild_tiles(db, TenantId(tenant_id), SystemIds(), tell)
    finally:
        await db.close()


def _flawed(found: "TreeFlawed") -> CommandRefused:
    """Return the refusal that names where the entries are not what was signed."""
    from placet.authority.checkpoints.model import TreeFlaw

    agreed = (
        f"the checkpoint of {found.agrees_to:,} entries is the last one that they give"
        if found.agrees_to
        else "they give no checkpoint before it either"
    )
    why = {
        TreeFlaw.CHECKPOINT: f"the entries do not give the checkpoint of {found.differs_at:,}"
        f" entries; {agreed}",
        TreeFlaw.HEAD: f"the entries do not give the root that the log's head has, at"
        f" {found.differs_at:,} entries; {agreed}",
        TreeFlaw.ENTRY_MISSING: f"entry {found.differs_at - 1:,} is not there; {agreed}",
    }[found.flaw]
    if found.entry is not None:
        why += f"; entry {found.entry:,} does not have the leaf of its event"
    return CommandRefused(
        detail=f"the tiles were not made anew: {why}",
        remedy="somebody changed the database itself: keep it as it is, hold it against a witness"
        " with `placet verify`, and restore a backup from before (`placet restore --verify`)",
        code=Exit.FAILED,
    )


def _newest(url: str | None, data_dir: Path | None) -> "CheckpointView":
    from placet.cli.desk import at_desk

    async def newest(studio: "Studio") -> "CheckpointView":
        return await studio.checkpoints.latest()

    return at_desk(url, data_dir, newest)


def _line(checkpoint: "CheckpointView") -> str:
    return (
        f"{checkpoint.at}  epoch {checkpoint.epoch}  {checkpoint.size:,} entries"
        f"  root {checkpoint.root}"
    )


def _plain(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)
