"""`placet demo`: one true story on a service that it starts, or that runs already."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from placet.cli.exits import CommandRefused
from placet.cli.output import data_dir_option, give, json_option
from placet.settings import Settings, load_settings

if TYPE_CHECKING:
    from placet.cli.demo.shop import Shop
    from placet.cli.demo.story import Told
    from placet.cli.demo.timeline import Timeline
    from placet.cli.service import Running
    from placet.tenancy.model import CreatedTenant


@click.command(name="demo")
@click.option("--once", is_flag=True, help="End after the story, and stop what was started.")
@click.option(
    "--keep-export",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the evidence that was verified to this file.",
)
@click.option("--port", type=int, help="Port of a service that is started.  [env: PLACET_PORT]")
@data_dir_option
@json_option
def command(
    *,
    once: bool,
    keep_export: Path | None,
    port: int | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Play one true story: a refund desk's agent, governed.

    Starts the service if none of this data folder runs, founds a new tenant, and lets an agent
    with recorded model turns work on a real database of orders. Takes about 45 seconds, most of
    them waiting for a call to become unknown. Afterwards the service goes on, unless --once.

    \b
    Examples:
      placet demo                    then look around with the key that it prints
      placet demo --once --json      only the figures
    """  # noqa: D301 -- \b keeps click from folding the examples
    from placet.cli.demo.evidence import keep_at
    from placet.cli.demo.service_here import interrupted_by_signals, serving
    from placet.cli.demo.story import CHAPTERS
    from placet.cli.demo.timeline import Timeline
    from placet.kernel.clock import SystemClock

    settings = load_settings({"port": port, "data_dir": data_dir})
    if keep_export is not None:
        keep_at(keep_export)
    quiet = bool(click.get_current_context().find_root().params.get("quiet"))
    with (
        interrupted_by_signals(),
        Timeline(SystemClock(), chapters=CHAPTERS, quiet=quiet) as timeline,
        serving(settings, keep=not once) as (running, is_ours),
    ):
        timeline.tell("service", "started" if is_ours else "found", running.url)
        timeline.tell("", "", f"on {settings.data_dir}")
        created = _founded(settings)
        shop = _opened(settings, created)
        timeline.tell("shop", "opened", str(shop.file))
        told = asyncio.run(_play(running, created, shop, timeline, keep_export))
    give(told.figures, _figures(told), as_json=as_json)
    if not once:
        click.echo(_goodbye(running, settings, shop, told), err=as_json)


def _founded(settings: Settings) -> "CreatedTenant":
    from placet.cli import database
    from placet.cli.demo.people import found_tenant
    from placet.kernel.ids import SystemIds
    from placet.storage.embedded.cluster import ensure

    name, ids = "the demo's shop", SystemIds()
    if not settings.is_embedded:
        return asyncio.run(found_tenant(settings.database_url or "", name, ids))
    with ensure(settings.data_dir, settings.pg_bin) as cluster:
        ready = database.with_addresses(settings, cluster)
        return asyncio.run(found_tenant(ready.database_url or "", name, ids))


def _opened(settings: Settings, created: "CreatedTenant") -> "Shop":
    import sqlite3

    from placet.cli.demo.shop import Shop

    folder = settings.data_dir / "demo"
    shop = Shop(folder / f"orders-{created.tenant.tenant_id}.sqlite")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        shop.open_for_business()
    except (OSError, sqlite3.Error) as fault:
        raise CommandRefused(
            detail=f"the database of orders cannot be made in `{folder}`: {fault}",
            remedy="free some space, or choose another folder with --data-dir",
        ) from fault
    return shop


async def _play(
    running: "Running",
    created: "CreatedTenant",
    shop: "Shop",
    timeline: "Timeline",
    keep: Path | None,
) -> "Told":
    from placet.cli.demo.people import Speaking
    from placet.cli.demo.story import play
    from placet.kernel.clock import SystemClock
    from placet.kernel.ids import SystemIds

    speaking = Speaking(url=running.address, clock=SystemClock(), ids=SystemIds())
    return await play(speaking, created, shop, timeline, keep)


def _figures(told: "Told") -> str:
    import msgspec

    values = msgspec.structs.asdict(told.figures)
    return "\n" + "\n".join(f"{name:<22}{value}" for name, value in values.items())


def _goodbye(running: "Running", settings: Settings, shop: "Shop", told: "Told") -> str:
    return f"""
service    {running.url}
reference  {running.url}/schema
orders     {shop.file}
key        {told.key}
           (of an auditor: it reads and exports)

look at the sessions, verify the evidence, and stop the service:

  curl -s -H "Authorization: Bearer $KEY" {running.url}/api/v1/replay/sessions
  curl -s -H "Authorization: Bearer $KEY" {running.url}/api/v1/replay/bundle | placet verify -
  placet down --data-dir {settings.data_dir}"""
