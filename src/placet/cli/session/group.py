"""The group of the commands on sessions."""

from typing import Final

import click

from placet.cli.session import controls, ending, evidence, looking

_EXAMPLES: Final = """\b
Examples:
  placet session list
  placet session show 0199…
  placet session watch 0199…
  placet session events 0199… --all --json > events.jsonl
  placet session kill 0199… --reason "it raves"
  placet session steal 0199… --reason "its worker hangs"
  placet session close 0199… --reason "the case is done"
  placet session labels 0199… --add risk=high
  placet session filter 0199… issue_refund --reason "looked at by hand"
  placet session export 0199… -o session.jsonl
  placet session check 0199… --whole
"""


@click.group(name="session", epilog=_EXAMPLES)
def command() -> None:
    """See the sessions of agents, follow one, stop it, or bring it to its end.

    Looking needs an API key in PLACET_API_KEY that may read, everything else one that may operate.
    """


for _one in (
    looking.list_sessions,
    looking.show,
    looking.events,
    looking.watch,
    ending.kill,
    ending.steal,
    ending.close,
    controls.labels,
    controls.filter_,
    evidence.export,
    evidence.check,
    evidence.snapshots,
):
    command.add_command(_one)
