"""`placet db`: a Postgres of the operator's own."""

import asyncio
import shlex

import click
import msgspec

from placet.cli.exits import CommandRefused
from placet.cli.output import give, json_option, say
from placet.settings import load_settings


@click.group(name="db")
def command() -> None:
    """Prepare a Postgres of your own."""


@command.command(name="init")
@click.option("--admin-url", help="A superuser's address.  [env: PLACET_ADMIN_DATABASE_URL]")
@click.option("--database", default="placet", show_default=True, help="The database to make.")
@click.option("--new-passwords", is_flag=True, help="Give roles that exist new passwords.")
@json_option
def init(*, admin_url: str | None, database: str, new_passwords: bool, as_json: bool) -> None:
    """Make roles, database and schema in a Postgres 15 to 18, and print their addresses.

    Can be run again: what is right stays as it is, and passwords are kept and then not shown.

    \b
    Example:
      placet db init --admin-url postgresql://postgres:secret@db.example/postgres > placet.env
    """  # noqa: D301 -- \b keeps click from folding the example
    from placet.kernel.ids import SystemIds
    from placet.storage import migrations, roles

    settings = load_settings({"admin_database_url": admin_url})
    admin = settings.admin_database_url
    if admin is None:
        raise CommandRefused(
            detail="making roles and a database needs the address of a superuser",
            remedy="give it with --admin-url postgresql://user:password@host:port/postgres",
        )
    missing = asyncio.run(roles.missing_logins(admin))
    wanted = roles.LOGINS if new_passwords else missing
    passwords = {role: roles.new_password(SystemIds()) for role in wanted}
    done = asyncio.run(roles.initialise(admin, passwords, database))
    migrations.upgrade(roles.in_database(admin, database))
    say(f"database `{database}` is ready, at revision {migrations.head()}")
    urls = {role: roles.url_for(admin, role, word, database) for role, word in passwords.items()}
    result = msgspec.to_builtins(done) | {"urls": urls}
    give(result, _as_environment(urls), as_json=as_json)
    if len(urls) < len(roles.LOGINS):
        say("roles that were there keep their passwords; --new-passwords sets and prints new ones")


def _as_environment(urls: dict[str, str]) -> str:
    """Return lines that a shell can read: variables, and comments for who else needs an address."""
    names = {
        "PLACET_DATABASE_URL": "placet_app",
        "PLACET_ADMIN_DATABASE_URL": "placet_migrator",
        "# auditors, reading only": "placet_auditor",
        "# backups, reading every tenant": "placet_backup",
    }
    lines = []
    for name, role in names.items():
        if role in urls:
            url = urls[role]
            lines.append(f"{name}: {url}" if name[0] == "#" else f"{name}={shlex.quote(url)}")
    return "\n".join(lines)
