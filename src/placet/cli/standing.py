"""`placet standing`: a signed yes to calls that are yet to come."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import counted, plain

if TYPE_CHECKING:
    from placet.evidence.ed25519 import SigningKey
    from placet.policy.model import Rule
    from placet.sdk.studio.client import Studio
    from placet.studio.standing.model import StandingView

DAYS_MAX: Final = 30
_EXAMPLES: Final = """\b
Examples:
  placet standing grant issue_refund --workspace 0199… --uses 20 --days 7 --key ada.key \\
      --where '{"path": "$.amount_cents", "lte": 500}' --reason "small amounts"
  placet standing list
  placet standing revoke 0199… --reason "the campaign is over"
"""


@click.group(name="standing", epilog=_EXAMPLES)
def command() -> None:
    """Say yes beforehand to calls that a contract asks one person about.

    The word is signed on this machine, for one tool with such arguments, so many times, for 30 days
    at most. It is counted where a call is granted. Needs your own API key in PLACET_API_KEY.
    """


@command.command()
@click.argument("tool")
@click.option("--workspace", required=True, type=click.UUID, help="Whose contract asks.")
@click.option(
    "--where",
    "rules",
    multiple=True,
    required=True,
    help="A rule on arguments as JSON, as in a contract; repeatable, all must hold.",
)
@click.option("--uses", required=True, type=click.IntRange(1, 1_000), help="For how many calls.")
@click.option("--days", default=1, show_default=True, type=click.IntRange(1, DAYS_MAX))
@click.option("--reason", required=True, help="Why; whoever looks later reads it.")
@click.option(
    "--key",
    "key_file",
    envvar="PLACET_PERSON_KEY",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of your own key.  [env: PLACET_PERSON_KEY]",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@url_option
@data_dir_option
@json_option
def grant(  # noqa: PLR0913 -- one argument per option
    *,
    tool: str,
    workspace: UUID,
    rules: tuple[str, ...],
    uses: int,
    days: int,
    reason: str,
    key_file: Path,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Sign that calls of TOOL with such arguments may run without asking you."""
    import msgspec

    from placet.cli.desk import at_desk
    from placet.cli.key_file import load_key

    wanted = [_rule(text) for text in rules]
    if not yes:
        told = " and ".join(plain(text) for text in rules)
        click.echo(
            f"{counted(uses, 'call')} of {plain(tool)} within {counted(days, 'day')}, where {told}",
            err=True,
        )
        click.confirm("Sign that they may run?", abort=True, err=True)
    key = load_key(key_file)

    async def given(studio: "Studio") -> "StandingView":
        return await _given(studio, (workspace, tool), wanted, key, (uses, days, reason))

    made = at_desk(url, data_dir, given)
    give(msgspec.to_builtins(made), _line(made), as_json=as_json)


@command.command(name="list")
@url_option
@data_dir_option
@json_option
def list_(*, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List standing grants, with how often each was used; those that are over too."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[StandingView]":
        return [one async for one in studio.standing.every()]

    found = at_desk(url, data_dir, every)
    lines = "\n".join(map(_line, found)) or "nobody said yes beforehand"
    give([msgspec.to_builtins(one) for one in found], lines, as_json=as_json)


@command.command()
@click.argument("standing", type=click.UUID)
@click.option("--reason", required=True, help="Why.")
@url_option
@data_dir_option
@json_option
def revoke(
    *, standing: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """End STANDING for good: no call is granted by it from the answer on."""
    import msgspec

    from placet.cli.desk import at_desk

    done = at_desk(url, data_dir, lambda studio: studio.standing.revoke(standing, reason=reason))
    give(msgspec.to_builtins(done), _line(done), as_json=as_json)


def _rule(text: str) -> "Rule":
    import msgspec

    from placet.policy.model import Rule

    try:
        return msgspec.json.decode(text, type=Rule)
    except msgspec.MsgspecError as fault:
        message = f"{text} is no rule on arguments: {fault}"
        raise click.BadParameter(message, param_hint="--where") from fault


async def _given(
    studio: "Studio",
    place: tuple[UUID, str],
    rules: "list[Rule]",
    key: "SigningKey",
    said: tuple[int, int, str],
) -> "StandingView":
    from placet.kernel.clock import SystemClock

    uses, days, reason = said
    terms = await studio.standing.terms(*place)
    # A little less than so many whole days, since the service's clock may be ahead of ours.
    until = SystemClock().now() + timedelta(days=days) - timedelta(minutes=5)
    return await studio.standing.give(terms, rules, key, uses=uses, expires_at=until, reason=reason)


def _line(one: "StandingView") -> str:
    over = "" if one.revoked_at is None else f"  revoked: {plain(one.revoke_reason or '')}"
    return (
        f"{one.standing_id}  {one.environment:11}  {plain(one.agent)}  {plain(one.tool)}  "
        f"{one.used}/{one.uses} used  until {one.expires_at}  {plain(one.reason)}{over}"
    )
