"""`placet tool-host`: who runs tools, and whose signed word on a call counts."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

import click

from placet.cli.key import ENVIRONMENTS, url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.authority.tool_hosts.model import ToolHostView
    from placet.sdk.studio.client import Studio

STRENGTHS: Final = ("verified", "proxied")

_EXAMPLES: Final = """\b
Examples:
  placet tool-host key refunds.key
  placet tool-host add refunds --environment production --tool issue_refund --key refunds.key
  placet tool-host list
  placet tool-host revoke 0199… --reason "the machine was replaced"
"""


@click.group(name="tool-host", epilog=_EXAMPLES)
def command() -> None:
    """Register the hosts of tools, and the keys that they sign receipts with.

    Registering needs an admin's API key in PLACET_API_KEY, ending a registration an operator's or
    an admin's.
    """


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def key(*, file: Path, as_json: bool) -> None:
    """Make a key that a host signs with and write it to FILE, which must not be there yet.

    It has no passphrase, for a host starts with nobody near: keep it where the host's other secrets
    are. Its 32 bytes stand there as 64 hexadecimal digits.
    """
    from placet.cli.host_key import make_and_tell

    make_and_tell(file, "placet tool-host add", as_json=as_json)


@command.command()
@click.argument("name")
@click.option(
    "--environment", required=True, type=click.Choice(ENVIRONMENTS), help="Where it runs tools."
)
@click.option(
    "--strength",
    default="verified",
    show_default=True,
    type=click.Choice(STRENGTHS),
    help="`verified` checks grants, `proxied` alone holds the tools' credentials.",
)
@click.option("--tool", "tools", multiple=True, required=True, help="A tool of it; repeatable.")
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that `placet tool-host key` wrote; its public half is sent.",
)
@click.option("--public-key", help="Instead of it: the public half, 32 bytes in base64.")
@url_option
@data_dir_option
@json_option
def add(  # noqa: PLR0913 -- one argument per option
    *,
    name: str,
    environment: str,
    strength: Literal["verified", "proxied"],
    tools: tuple[str, ...],
    key_file: Path | None,
    public_key: str | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Register the host NAME; what its key signs about these tools counts from then on.

    A registration is never changed: for another key or other tools register again, then revoke.
    """
    from placet.cli.desk import at_desk
    from placet.cli.host_key import public_half
    from placet.kernel.principal import Environment

    public = public_half(key_file, public_key, "placet tool-host key")
    made = at_desk(
        url,
        data_dir,
        lambda studio: studio.tool_hosts.add(
            name,
            environment=Environment(environment),
            strength=strength,
            tools=tools,
            public_key=public,
        ),
    )
    give(_plain(made), _line(made), as_json=as_json)


@command.command(name="list")
@click.option("--all", "is_all", is_flag=True, help="Those that have ended too.")
@url_option
@data_dir_option
@json_option
def list_(*, is_all: bool, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the hosts that are registered, the latest first."""
    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[ToolHostView]":
        hosts = studio.tool_hosts.every()
        return [one async for one in hosts if is_all or one.revoked_at is None]

    found = at_desk(url, data_dir, every)
    give(_plain(found), "\n".join(map(_line, found)) or "no tool hosts", as_json=as_json)


@command.command()
@click.argument("host", type=click.UUID)
@click.option("--reason", required=True, help="Why; it stands in the tenant's evidence.")
@url_option
@data_dir_option
@json_option
def revoke(
    *, host: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """End the registration HOST: nothing that its key signed counts from the answer on."""
    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda studio: studio.tool_hosts.revoke(host, reason))
    give(_plain(done), _line(done), as_json=as_json)


def _line(host: "ToolHostView") -> str:
    tools = ", ".join(map(plain, host.tools))
    ended = f"  ended {host.revoked_at}: {plain(host.revoke_reason or '')}"
    return (
        f"{host.host_id}  {plain(host.name)} in {host.environment}, {host.strength}  {tools}"
        f"  key {host.key_id}{'' if host.revoked_at is None else ended}"
    )


def _plain(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)
