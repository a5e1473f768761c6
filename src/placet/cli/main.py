"""The `placet` command: what it can do, and how it ends."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NoReturn

import click

from placet import __version__
from placet.cli.lazy import LazyGroup

if TYPE_CHECKING:
    from placet.cli.exits import CommandRefused, Told

COMMANDS: Final = {
    "demo": ("placet.cli.demo.command", "Play one true story, on a service that it starts."),
    "up": ("placet.cli.up", "Start the service, with a Postgres of its own if it has none."),
    "down": ("placet.cli.down", "Stop the service and its Postgres."),
    "doctor": ("placet.cli.doctor", "Check this machine and the database, with remedies."),
    "tenant": ("placet.cli.tenant", "Make a tenant and its first admin."),
    "key": ("placet.cli.key", "Issue, list and revoke API keys."),
    "person-key": ("placet.cli.person_key", "Make the key that a person signs with, and enrol it."),
    "keys": ("placet.cli.keys", "Pin the keys whose signatures you trust."),
    "server-key": ("placet.cli.server_key", "Change the keys that the service signs with."),
    "workspace": ("placet.cli.workspace", "Open, show and close workspaces."),
    "source": ("placet.cli.source", "Add the material that rules stem from."),
    "draft": ("placet.cli.draft.group", "Change, review and freeze contracts under work."),
    "request": ("placet.cli.request", "Ask for an approval, and see what became of it."),
    "approve": ("placet.cli.approve.command", "Compile, compare and sign a vote, on this machine."),
    "approval": ("placet.cli.approval", "List, show, export and revoke approvals."),
    "break-glass": ("placet.cli.break_glass", "Put in force for an hour what stands by."),
    "asks": ("placet.cli.asks", "List the calls of agents that wait for people."),
    "ask": ("placet.cli.ask", "Look at such calls, and answer with a signed vote."),
    "standing": ("placet.cli.standing", "Say yes beforehand to calls of one tool."),
    "artifact": ("placet.cli.artifact", "Export a compiled artifact."),
    "webhook": ("placet.cli.webhook", "Tell other systems of what happens, by signed calls."),
    "plan": ("placet.cli.plan", "See what holds for an agent, and who runs it."),
    "impact": ("placet.cli.impact", "Hold a snapshot to the calls that its agent made."),
    "shadow": ("placet.cli.shadow", "Put a snapshot beside what is in force, and count."),
    "session": ("placet.cli.session.group", "See what agents have under way, follow it, end it."),
    "orphans": ("placet.cli.orphans", "List receipts of calls that nobody here knows."),
    "tool-host": ("placet.cli.tool_host", "Register who runs tools and signs for them."),
    "control": ("placet.cli.control", "Stop an agent or a tool, and lift that as two people."),
    "issuer": ("placet.cli.issuer", "Register who may say for whom an agent acts."),
    "drift": ("placet.cli.drift", "See where agents part from what was approved."),
    "view": ("placet.cli.view.group", "Look at a workspace, a tool, a request or what was found."),
    "policy": ("placet.cli.policy.group", "Check, explain, compare and try contracts."),
    "bundle": ("placet.cli.bundle", "Take evidence away, in one file that anybody can verify."),
    "checkpoint": ("placet.cli.checkpoint", "Keep signed words on the whole log."),
    "audit": ("placet.cli.audit", "Search what happened, and take what is found away."),
    "events": ("placet.cli.events", "Write a stream of events to a file, or bring one in."),
    "retention": ("placet.cli.retention", "Keep for so long what closed streams say."),
    "erase": ("placet.cli.erase", "Erase what closed streams say of one person."),
    "verify": ("placet.cli.verify", "Verify a bundle or an approval, without us."),
    "db": ("placet.cli.db", "Prepare a Postgres of your own."),
    "restore": ("placet.cli.restore", "Take a restored database into use."),
    "migrate": ("placet.cli.migrate", "Bring the database's schema up to date."),
    "psql": ("placet.cli.psql", "Look into the database."),
    "reset": ("placet.cli.reset", "Remove the embedded Postgres and all that is in it."),
    "config": ("placet.cli.config", "Show the settings and where each came from."),
}


_OF_POLICY: Final = frozenset({"cel_expr_python", "jsonschema_rs", "yaml"})
"""What `placet[policy]` brings. Everything else that the client alone lacks is the service's."""
INTERRUPTED: Final = 130  # as in `exits`, which `--help` does not import


@click.group(
    cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="placet")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but results and errors.")
def cli(*, quiet: bool) -> None:
    """Governance for AI agents: authority that is reviewed, signed, enforced and provable.

    \b
    Examples:
      placet up                 start here, on an empty folder
      placet up --detach        the same, in the background
      placet doctor             find out what is wrong
      placet down               stop it
    """  # noqa: D301 -- \b keeps click from folding the examples
    del quiet


def main() -> NoReturn:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code. Faults are told on stderr."""
    try:
        code = cli.main(args=list(arguments), prog_name="placet", standalone_mode=False)
    except click.ClickException as fault:
        fault.show()
        return fault.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has left: `placet … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ModuleNotFoundError as fault:
        package = (fault.name or "placet").partition(".")[0]
        if package == "placet":
            raise
        return _tell(_lacks(package), arguments)
    except Exception as fault:
        from placet.cli.exits import Told

        if not isinstance(fault, Told):
            raise
        return _tell(fault, arguments)
    return code if isinstance(code, int) else 0


def _lacks(package: str) -> "CommandRefused":
    """Return the refusal of a command that needs more than the client, which is `placet` alone."""
    from placet.cli.exits import CommandRefused, Exit

    extra = "policy" if package in _OF_POLICY else "server"
    return CommandRefused(
        detail=f"this command needs `{package}`, which the client alone does not bring",
        remedy=f"pip install 'placet[{extra}]'",
        code=Exit.FAILED,
    )


def _tell(fault: "Told", arguments: Sequence[str]) -> int:
    """Tell a fault on stderr, and return the exit code."""
    from placet.cli.exits import exit_of, told

    click.echo(told(fault, as_json="--json" in arguments), err=True)
    return exit_of(fault)
