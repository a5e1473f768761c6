"""The database that a command works with: the operator's own, or the embedded one."""

import asyncio
import contextlib
from collections.abc import Iterator

import msgspec

from placet.cli.exits import CommandRefused
from placet.cli.output import say
from placet.settings import Settings
from placet.storage.checks import Check, look
from placet.storage.embedded.cluster import Cluster, ensure


@contextlib.contextmanager
def held(settings: Settings) -> Iterator[tuple[Settings, Cluster | None]]:
    """Hold the database for as long as the block lasts, and yield settings with its addresses.

    With an address of the operator's own nothing is started; without one the embedded server is,
    and its cluster is yielded too.
    """
    if not settings.is_embedded:
        yield settings, None
        return
    with ensure(settings.data_dir, settings.pg_bin) as cluster:
        say(f"Postgres {cluster.version} {cluster.origin} at 127.0.0.1:{cluster.port}")
        yield with_addresses(settings, cluster), cluster


def with_addresses(settings: Settings, cluster: Cluster) -> Settings:
    """Return the settings with the addresses of the embedded server."""
    return msgspec.structs.replace(
        settings,
        database_url=cluster.url("placet_app"),
        database_direct_url=cluster.url("placet_app"),
        admin_database_url=cluster.url("placet_migrator"),
    )


def migrate(settings: Settings) -> str:
    """Bring the schema up to date and return its revision. `settings` are those of `held`."""
    from placet.storage import migrations, roles

    url = settings.admin_database_url
    if url is None:
        raise CommandRefused(
            detail="only the migrator's role may change the schema, and its address is not set",
            remedy="set PLACET_ADMIN_DATABASE_URL to the address that `placet db init` printed",
        )
    asyncio.run(roles.try_to_connect(url))
    migrations.upgrade(url)
    return migrations.head()


def checks(settings: Settings) -> tuple[Check, ...]:
    """Return every check of the database. `settings` are those of `held`."""
    from placet.storage import migrations

    return asyncio.run(look(settings.database_url or "", migrations.head()))
