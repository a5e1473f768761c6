"""`placet plan`: what holds for an agent, which of its processes run it, and what they offer."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import click

from placet.cli.key import ENVIRONMENTS, url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.plans.attachments.model import AttachmentPage, AttachmentView
    from placet.plans.inventory.model import ToolView
    from placet.sdk.studio.client import Studio

Command = TypeVar("Command", bound=Callable[..., Any])

_HASH_SHOWN: Final = 12
_EXAMPLES: Final = """\b
Examples:
  placet plan show desk staging
  placet plan instances desk staging
  placet plan tools desk staging --json
  placet plan readiness 0199…
"""


@click.group(name="plan", epilog=_EXAMPLES)
def command() -> None:
    """See what holds for an agent in an environment, and who runs it.

    Needs an API key in PLACET_API_KEY that may read.
    """


def _of_agent(function: Command) -> Command:
    for option in (json_option, data_dir_option, url_option):
        function = option(function)
    function = click.argument("environment", type=click.Choice(ENVIRONMENTS))(function)
    return click.argument("agent")(function)


@command.command()
@_of_agent
def show(
    *, agent: str, environment: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Print the plan of AGENT in ENVIRONMENT."""
    import msgspec

    from placet.cli.desk import at_desk
    from placet.kernel.principal import Environment

    where = Environment(environment)
    plan = at_desk(url, data_dir, lambda studio: studio.plans.get(agent, where))
    lines = [
        f"{plain(plan.agent)} in {plan.environment}: {plan.status}, version {plan.version}",
        f"refused calls: {plan.enforcement}; calls without an approval: {plan.unplanned}",
    ]
    if plan.compiled_hash is not None:
        until = "without an end" if plan.approval_expires_at is None else plan.approval_expires_at
        lines += [f"in force: {plan.compiled_hash}, by approval {plan.approval_id}, until {until}"]
    give(msgspec.to_builtins(plan), "\n".join(lines), as_json=as_json)


@command.command()
@_of_agent
def instances(
    *, agent: str, environment: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Print who runs what: each process of AGENT in ENVIRONMENT, by its own word."""
    import msgspec

    from placet.cli.desk import at_desk
    from placet.kernel.principal import Environment

    where = Environment(environment)

    async def every(studio: "Studio") -> "tuple[AttachmentPage, list[AttachmentView]]":
        page = await studio.plans.attachments(agent, where, limit=1)
        return page, [one async for one in studio.plans.every_instance(agent, where)]

    page, found = at_desk(url, data_dir, every)
    counts = page.counts
    head = f"{page.plan_status}: {counts.converged} of {counts.instances} run what is in force"
    if counts.silent:
        head += f", {counts.silent} silent"
    text = "\n".join([head, *map(_instance_line, found)])
    give({"plan": page.plan_status, "instances": msgspec.to_builtins(found)}, text, as_json=as_json)


@command.command()
@_of_agent
def tools(
    *, agent: str, environment: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Print the tools that AGENT offers to its model in ENVIRONMENT, each version of each."""
    import msgspec

    from placet.cli.desk import at_desk
    from placet.kernel.principal import Environment

    where = Environment(environment)

    async def every(studio: "Studio") -> "list[ToolView]":
        return [one async for one in studio.plans.every_tool(agent, where)]

    found = at_desk(url, data_dir, every)
    whole = msgspec.Raw(msgspec.json.encode(found))
    give(whole, "\n".join(map(_tool_line, found)), as_json=as_json)


@command.command()
@click.argument("workspace", type=click.UUID)
@url_option
@data_dir_option
@json_option
def readiness(*, workspace: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """Print how much of the agent of WORKSPACE was observed, and how much makes its plan ready."""
    import msgspec

    from placet.cli.desk import at_desk

    found = at_desk(url, data_dir, lambda studio: studio.plans.readiness(workspace))
    seen = found.observed
    trust = f"{seen.confidence} of {found.confidence_percent / 100:.2f}"
    lines = [
        f"{found.plan_status}: {'enough' if found.is_enough else 'not enough'} was observed",
        f"calls: {seen.calls} of {found.calls_min}, of {seen.tools} tools",
        f"confidence: {trust}; {seen.tools_seen_once} tools were called once",
    ]
    give(msgspec.to_builtins(found), "\n".join(lines), as_json=as_json)


def _instance_line(one: "AttachmentView") -> str:
    runs = "nothing" if one.compiled_hash is None else one.compiled_hash[:_HASH_SHOWN]
    state = "in force" if one.is_converged else "not what is in force"
    silent = ", silent" if one.is_silent else ""
    why = "" if one.reason is None else f" ({plain(one.reason)})"
    name = plain(one.instance_id)
    return f"{name}  {one.status}{why}, runs {runs}, {state}{silent}, since {one.since}"


def _tool_line(one: "ToolView") -> str:
    schema = "no schema told" if one.schema_hash is None else f"schema {one.schema_hash[:12]}"
    return f"{one.tool!r}  {schema}, seen {one.first_seen_at} to {one.last_seen_at}"
