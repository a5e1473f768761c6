"""`placet tenant`: a tenant and its first admin, made next to the database."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.exits import CommandRefused
from placet.cli.output import data_dir_option, give, json_option
from placet.settings import load_settings

if TYPE_CHECKING:
    from placet.tenancy.model import CreatedTenant

ROLES: Final = ("viewer", "author", "approver", "operator", "auditor", "admin")


@click.group(name="tenant")
def command() -> None:
    """Make a tenant and its first admin."""


@command.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(ROLES),
    default=("admin",),
    help="A role of the first person; repeat it for more.  [default: admin]",
)
@data_dir_option
@json_option
def create(*, name: str, roles: tuple[str, ...], data_dir: Path | None, as_json: bool) -> None:
    """Create the tenant NAME with one person and that person's API key.

    The key is printed this once; only a hash of it is kept. With it, `placet key issue` and the
    service's own routes make everybody else.

    \b
    Examples:
      placet tenant create acme
      placet tenant create acme --role admin --role author --role approver --json
    """  # noqa: D301 -- \b keeps click from folding the examples
    from placet.cli import database
    from placet.storage.checks import refuse_failed

    if not name.strip() or "\x00" in name:
        raise CommandRefused(detail="a tenant has a name", remedy="give one that people know it by")
    with database.held(load_settings({"data_dir": data_dir})) as (ready, _):
        refuse_failed(database.checks(ready))
        created = asyncio.run(_create(ready.database_url or "", name.strip(), roles))
    give(
        created,
        f"tenant {created.tenant.tenant_id}\n"
        f"person {created.admin.actor_id} ({', '.join(roles)})\n"
        f"key    {created.api_key}",
        as_json=as_json,
    )


async def _create(database_url: str, name: str, roles: tuple[str, ...]) -> "CreatedTenant":
    from placet.kernel.ids import SystemIds
    from placet.storage.database import Database
    from placet.tenancy import service
    from placet.tenancy.model import Role

    ids = SystemIds()
    db = await Database.open(database_url, pool_size=1)
    try:
        async with db.writing(service.founder(ids)) as tx:
            return await service.create_tenant(tx, name, ids, [Role(role) for role in roles])
    finally:
        await db.close()
