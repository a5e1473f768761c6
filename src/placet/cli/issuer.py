"""`placet issuer`: who may say for whom an agent acts."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import ENVIRONMENTS, url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.authority.issuers.model import IssuerView
    from placet.sdk.studio.client import Studio

_EXAMPLES: Final = """\b
Examples:
  placet issuer key front-door.key
  placet issuer add front-door --agent refund-desk --environment staging --key front-door.key
  placet issuer list
  placet issuer revoke 0199… --reason "it was replaced"
"""


@click.group(name="issuer", epilog=_EXAMPLES)
def command() -> None:
    """Register who may say for whom an agent acts, and the keys that they sign it with.

    Registering needs an admin's API key in PLACET_API_KEY, ending a registration an operator's or
    an admin's.
    """


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def key(*, file: Path, as_json: bool) -> None:
    """Make a key that an issuer signs with and write it to FILE, which must not be there yet.

    It has no passphrase, for an issuer starts with nobody near: keep it where its other secrets
    are. Its 32 bytes stand there as 64 hexadecimal digits.
    """
    from placet.cli.host_key import make_and_tell

    make_and_tell(file, "placet issuer add", as_json=as_json)


@command.command()
@click.argument("name")
@click.option("--agent", required=True, help="The agent of which it speaks.")
@click.option("--environment", required=True, type=click.Choice(ENVIRONMENTS), help="And where.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that `placet issuer key` wrote; its public half is sent.",
)
@click.option("--public-key", help="Instead of it: the public half, 32 bytes in base64.")
@url_option
@data_dir_option
@json_option
def add(  # noqa: PLR0913 -- one argument per option
    *,
    name: str,
    agent: str,
    environment: str,
    key_file: Path | None,
    public_key: str | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Register the issuer NAME; what its key signs about that agent counts from then on.

    A registration is never changed: for another key register again, then revoke.
    """
    from placet.cli.desk import at_desk
    from placet.cli.host_key import public_half
    from placet.kernel.principal import Environment

    public = public_half(key_file, public_key, "placet issuer key")
    made = at_desk(
        url,
        data_dir,
        lambda studio: studio.issuers.add(
            name, agent=agent, environment=Environment(environment), public_key=public
        ),
    )
    give(_plain(made), _line(made), as_json=as_json)


@command.command(name="list")
@click.option("--all", "is_all", is_flag=True, help="Those that have ended too.")
@url_option
@data_dir_option
@json_option
def list_(*, is_all: bool, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the issuers that are registered, the latest first."""
    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[IssuerView]":
        issuers = studio.issuers.every()
        return [one async for one in issuers if is_all or one.revoked_at is None]

    found = at_desk(url, data_dir, every)
    give(_plain(found), "\n".join(map(_line, found)) or "no issuers", as_json=as_json)


@command.command()
@click.argument("issuer", type=click.UUID)
@click.option("--reason", required=True, help="Why; it stands in the tenant's evidence.")
@url_option
@data_dir_option
@json_option
def revoke(
    *, issuer: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """End the registration ISSUER: no session is opened on what its key signed from then on."""
    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda studio: studio.issuers.revoke(issuer, reason))
    give(_plain(done), _line(done), as_json=as_json)


def _line(issuer: "IssuerView") -> str:
    ended = f"  ended {issuer.revoked_at}: {plain(issuer.revoke_reason or '')}"
    return (
        f"{issuer.issuer_id}  {plain(issuer.name)} for {plain(issuer.agent)}"
        f" in {issuer.environment}  key {issuer.key_id}"
        f"{'' if issuer.revoked_at is None else ended}"
    )


def _plain(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)
