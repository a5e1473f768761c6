"""The group `placet view`."""

from typing import Final

import click

from placet.cli.lazy import LazyGroup

COMMANDS: Final = {
    "atlas": ("placet.cli.view.atlas", "A workspace on one page."),
    "control": ("placet.cli.view.control", "The path of one tool's calls."),
    "focus": ("placet.cli.view.focus", "One judgment or drift item, and what answers lead to."),
    "preview": ("placet.cli.view.preview", "What an approval would change, and whose votes miss."),
    "conformance": ("placet.cli.view.conformance", "What scans found of what is in force."),
}


@click.group("view", cls=LazyGroup, table=COMMANDS)
def view() -> None:
    """Look at a workspace, a tool, a request or what was found. Nothing here changes anything.

    Each view names the snapshot or the approval that it speaks of, and says where little is known.
    Needs your own API key in PLACET_API_KEY.

    \b
    Examples:
      placet view atlas 0199…
      placet view atlas 0199… --of draft
      placet view control 0199… issue_refund --days 30
      placet view focus 0199… --drift 0199…
      placet view preview 0199…
      placet view conformance 0199…
    """  # noqa: D301 -- \b keeps click from folding the examples


command = view
