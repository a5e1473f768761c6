"""`placet workspace`: the governance of one agent in one environment."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.exits import CommandRefused
from placet.cli.key import ENVIRONMENTS, url_option
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.workspaces.model import (
        ApprovalGroup,
        ApproverShown,
        GovernanceWorkspace,
        NameApprover,
    )

_EXAMPLES: Final = """\b
Examples:
  placet person-key proof ada.key --tenant 0199… --person 0199… \\
      --agent desk --environment staging --json > ada.json
  placet workspace create --agent desk --environment staging --approver ada.json
  placet workspace create --agent desk --environment production --quorum 2 --four-eyes \\
      --group risk=1 --approver ada.json --approver ben.json
  placet workspace list
  placet workspace approvers 0199…
"""


@click.group(name="workspace", epilog=_EXAMPLES)
def command() -> None:
    """Open workspaces, show them, and close one for good.

    Needs an API key in PLACET_API_KEY: an admin's to open one, an operator's to archive one.
    """


@command.command()
@click.option("--agent", required=True, help="Name of the agent.")
@click.option("--environment", required=True, type=click.Choice(ENVIRONMENTS))
@click.option("--quorum", default=1, show_default=True, help="Distinct people that approve.")
@click.option("--four-eyes", is_flag=True, help="Authors alone never suffice.")
@click.option("--validity-days", type=int, help="How long an approval lasts.  [default: for ever]")
@click.option(
    "--group", "groups", multiple=True, metavar="NAME=QUORUM", help="And of a group; repeatable."
)
@click.option(
    "--approver",
    "approvers",
    multiple=True,
    metavar="FILE",
    help="What `placet person-key proof --json` printed for a first approver, groups and all;"
    " at most two.",
)
@url_option
@data_dir_option
@json_option
def create(  # noqa: PLR0913 -- one argument per option
    *,
    agent: str,
    environment: str,
    quorum: int,
    four_eyes: bool,
    validity_days: int | None,
    groups: tuple[str, ...],
    approvers: tuple[str, ...],
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Open the workspace of an agent in an environment, with its first approvers."""
    from placet.cli.desk import at_desk
    from placet.kernel.principal import Environment
    from placet.studio.workspaces.model import ApprovalPolicy, CreateWorkspace

    wish = CreateWorkspace(
        agent=agent,
        environment=Environment(environment),
        approval_policy=ApprovalPolicy(
            quorum=quorum,
            four_eyes=four_eyes,
            validity_days=validity_days,
            groups=tuple(map(_group, groups)),
        ),
        approvers=tuple(map(_approver, approvers)),
    )
    made = at_desk(url, data_dir, lambda studio: studio.workspaces.create(wish))
    _give(made, as_json=as_json)


@command.command()
@click.argument("workspace", type=click.UUID)
@url_option
@data_dir_option
@json_option
def show(*, workspace: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print one workspace: what it points at, and what an approval takes."""
    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.workspaces.get(workspace))
    _give(found, as_json=as_json)


@command.command(name="list")
@url_option
@data_dir_option
@json_option
def list_(*, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List every workspace of the tenant in the order of their making."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[GovernanceWorkspace]":
        return [item async for item in studio.workspaces.every()]

    found = at_desk(url, data_dir, every)
    lines = [f"{one.workspace_id}  {one.agent} in {one.environment}  {one.status}" for one in found]
    give(msgspec.to_builtins(found), "\n".join(lines), as_json=as_json)


@command.command()
@click.argument("workspace", type=click.UUID)
@url_option
@data_dir_option
@json_option
def approvers(*, workspace: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List who is or was an approver of WORKSPACE, with each key, whether it counts and groups."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[ApproverShown]":
        return [item async for item in studio.workspaces.approvers(workspace)]

    found = at_desk(url, data_dir, every)
    lines = [
        f"{one.actor_id}  {key.key_id}  {key.standing}"
        f"  {','.join(each.group_name for each in key.groups) or '-'}"
        for one in found
        for key in one.keys
    ]
    give(msgspec.to_builtins(found), "\n".join(lines), as_json=as_json)


@command.command()
@click.argument("workspace", type=click.UUID)
@click.option("--reason", required=True, help="Why; it stands in the evidence.")
@url_option
@data_dir_option
@json_option
def archive(
    *, workspace: UUID, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Close WORKSPACE for good: nothing can be written or approved in it. There is no way back."""
    from placet.cli.desk import at_desk

    closed = at_desk(url, data_dir, lambda studio: studio.workspaces.archive(workspace, reason))
    _give(closed, as_json=as_json)


def _give(found: "GovernanceWorkspace", *, as_json: bool) -> None:
    import msgspec

    from placet.cli.approve.words import policy_words

    text = (
        f"workspace  {found.workspace_id} ({found.status})\n"
        f"agent      {found.agent} in {found.environment} ({found.enforcement})\n"
        f"policy     {policy_words(found.approval_policy)}\n"
        f"draft      {found.active_draft_id or '-'}\n"
        f"snapshot   {found.active_draft_snapshot_id or '-'}\n"
        f"approval   {found.active_approval_id or '-'}"
    )
    give(msgspec.to_builtins(found), text, as_json=as_json)


def _group(text: str) -> "ApprovalGroup":
    from placet.studio.workspaces.model import ApprovalGroup

    name, _, quorum = text.partition("=")
    if not name or not quorum.isdecimal():
        raise CommandRefused(
            detail=f"`{text}` is no group with its quorum",
            remedy="write NAME=QUORUM, such as `risk=1`",
        )
    return ApprovalGroup(name=name, quorum=int(quorum))


def _approver(name: str) -> "NameApprover":
    """Return a first approver from the proof in a file."""
    import msgspec

    from placet.studio.workspaces.model import NameApprover

    try:
        return msgspec.json.decode(Path(name).read_bytes(), type=NameApprover)
    except OSError as fault:
        raise CommandRefused(
            detail=f"`{name}` cannot be read: {fault.strerror}",
            remedy="write it with `placet person-key proof --json`",
        ) from fault
    except msgspec.MsgspecError as fault:
        raise CommandRefused(
            detail=f"`{name}` is no proof of a person's key: {fault}",
            remedy="write it with `placet person-key proof --json`",
        ) from fault
