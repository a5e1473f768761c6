"""`placet erase`: what closed streams say of one person."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.exits import CommandRefused
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option, say

if TYPE_CHECKING:
    from placet.audit.subjects.model import RequestShown
    from placet.sdk.studio.client import Studio

_EXAMPLES: Final = """\b
Examples:
  placet erase --subject anna@example.org --reason "asked on 3 March" --dry-run
  placet erase --subject anna@example.org --reason "asked on 3 March"
  placet erase --subject - --reason "asked on 3 March" < address.txt
  placet erase --subject 4711 --principal 4711 --reason "asked on 3 March"
  placet erase --show 0199…
"""


@click.command(name="erase", epilog=_EXAMPLES)
@click.option(
    "--subject", help="A text of 4 characters or more (Chinese, Korean: 2); - reads stdin."
)
@click.option(
    "--principal",
    help="With --subject: an attribute of whoever the agent acted for, by its value.",
)
@click.option("--reason", help="Why, without the person's data: it is kept for ever.")
@click.option("--dry-run", is_flag=True, help="Look and count; erase nothing.")
@click.option("--show", "request_id", type=click.UUID, help="Show what came of a request.")
@click.option("--wait", default=60, show_default=True, type=click.IntRange(0), help="Seconds.")
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    subject: str | None,
    principal: str | None,
    reason: str | None,
    dry_run: bool,
    request_id: UUID | None,
    wait: int,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Erase what closed sessions and workspaces say of a person.

    Each body that holds the text goes, with all that was said of the same call and its arguments
    and outputs. With --principal the sessions that were opened for them go whole, besides: it needs
    a --subject too, for which the same value does. What stands in open streams goes once they
    close. What stays is told with the reason. Needs an admin's API key in PLACET_API_KEY.
    """
    from placet.audit.subjects.model import EraseSubject
    from placet.cli.desk import at_desk

    if request_id is None:
        if subject is None or reason is None:
            raise CommandRefused(
                detail="neither a subject and a reason nor a request was named",
                remedy="give --subject and --reason, or --show"
                if principal is None
                else "give --subject and --reason too: the principal's value again, where there is "
                "no other text to look for",
            )
        text = sys.stdin.readline().rstrip("\n") if subject == "-" else subject
        _check_subject(text)
        asked = EraseSubject(subject=text, principal=principal, reason=reason, dry_run=dry_run)
        made = at_desk(url, data_dir, lambda desk: desk.erasures.ask(asked))
        say(f"request {made.request_id}; keep the salt to prove whom it was about: {made.salt}")
        request_id = made.request_id
    which = request_id

    async def followed(desk: "Studio") -> "RequestShown":
        found = await desk.erasures.get(which)
        for _ in range(wait):
            if found.status.value != "open":
                break
            await asyncio.sleep(1)
            found = await desk.erasures.get(which)
        return found

    found = at_desk(url, data_dir, followed)
    give(found, _told(found), as_json=as_json)


def _check_subject(text: str) -> None:
    """Refuse a text that the service would refuse, in words. Which those are is the service's."""
    import msgspec

    from placet.audit.subjects.model import SUBJECT_MAX, Subject

    try:
        msgspec.convert(text, Subject)
    except msgspec.ValidationError as fault:
        raise CommandRefused(
            detail=f"a text of {len(text)} characters cannot be looked for like this",
            remedy=f"name one line of 4 to {SUBJECT_MAX} characters (from 2 on where one says as "
            "much as a syllable or a word, as in Chinese and Korean)",
        ) from fault


def _told(found: "RequestShown") -> str:
    did = f"found {found.bodies_found}" if found.dry_run else f"erased {found.bodies_erased}"
    lines = [f"{found.status.value}: {did} bodies in {len(found.streams)} streams"]
    lines += [
        f"  {each.stream_id} {each.stream_class.value} {each.status.value} {each.bodies}"
        for each in found.streams
    ]
    lines += [f"stays: {each.place} ({each.rows}): {each.why}" for each in found.kept]
    lines += [f"not looked into: {each}" for each in found.unsearched]
    return "\n".join(lines)
