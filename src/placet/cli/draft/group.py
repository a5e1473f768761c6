"""The group `placet draft`."""

from typing import Final

import click

from placet.cli.lazy import LazyGroup

COMMANDS: Final = {
    "open": ("placet.cli.draft.open", "Open a draft: empty, from a parent or an approval."),
    "list": ("placet.cli.draft.listing", "List the drafts of a workspace."),
    "show": ("placet.cli.draft.show", "Show a draft, or print its contract."),
    "apply": ("placet.cli.draft.apply", "Change a draft by a contract or by one command."),
    "add-source": ("placet.cli.draft.add_source", "Let a source count for a draft."),
    "retire-source": ("placet.cli.draft.retire_source", "Let a source count no longer."),
    "review": ("placet.cli.draft.review", "Show what stops an approval, and what was answered."),
    "resolve": ("placet.cli.draft.resolve", "Answer a judgment."),
    "reopen": ("placet.cli.draft.reopen", "Take the answer to a judgment back."),
    "infer": ("placet.cli.draft.infer", "See what the sources suggest."),
    "accept": ("placet.cli.draft.accept", "Set what an inferred rule proposes."),
    "reject": ("placet.cli.draft.reject", "Say that an inferred rule is not wanted."),
    "history": ("placet.cli.draft.history", "List who changed a draft, when and why."),
    "blame": ("placet.cli.draft.blame", "Show who set each rule, why, and what it rests on."),
    "snapshot": ("placet.cli.draft.snapshot", "Freeze a draft, for a request for approval."),
    "abandon": ("placet.cli.draft.abandon", "Give a draft up."),
}


@click.group("draft", cls=LazyGroup, table=COMMANDS)
def draft() -> None:
    """Work on a draft: change it by commands, review it, freeze it.

    Every change names the version of the draft that it was decided on. Without --version it is the
    current one; with it, nothing is changed if somebody was faster. Needs your own API key in
    PLACET_API_KEY.

    \b
    Examples:
      placet draft open 0199…
      placet draft apply 0199… --contract contract.yaml --reason "the first one"
      placet draft review 0199…
      placet draft snapshot 0199…
    """  # noqa: D301 -- \b keeps click from folding the examples


command = draft
