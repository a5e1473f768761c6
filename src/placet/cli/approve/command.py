"""The command line of `placet approve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.pins import pins_option

if TYPE_CHECKING:
    from placet.cli.approve.looking import Looked
    from placet.cli.approve.served import Served
    from placet.evidence.ed25519 import SigningKey
    from placet.studio.votes.model import VoteAnswer

_EXAMPLES: Final = """\b
Examples:
  placet keys pin                                   once, and after comparing the ids
  placet approve 0199… --look                       compile and compare, sign nothing
  placet approve 0199… --key ada.key
  placet approve 0199… --key ada.key --refuse --reason "no ceiling on refunds"
"""


@click.command("approve", epilog=_EXAMPLES)
@click.argument("request", type=click.UUID)
@click.option(
    "--key",
    "key_file",
    envvar="PLACET_PERSON_KEY",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of your own key.  [env: PLACET_PERSON_KEY]",
)
@click.option("--refuse", is_flag=True, help="Sign that this must not be; it ends the request.")
@click.option("--reason", help="Why; it stands beside the vote, and is no part of what is signed.")
@click.option("--look", is_flag=True, help="Compile, compare and show; sign nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pins_option
@url_option
@data_dir_option
@json_option
def command(  # noqa: PLR0913 -- one argument per option
    *,
    request: UUID,
    key_file: Path | None,
    refuse: bool,
    reason: str | None,
    look: bool,
    yes: bool,
    pins: Path | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Look at what REQUEST asks for, on this machine, and sign a vote on it.

    The contract is compiled here and compared here with the one in force, which must be proved by
    pinned keys. Where the service shows anything else than what was found here, every place is
    named and nothing is signed (exit 1). Needs your own API key in PLACET_API_KEY.
    """
    if not look and key_file is None:
        raise CommandRefused(
            detail="a vote needs the key that it is signed with",
            remedy="name its file with --key, or only look with --look",
        )
    served, looked = _look(request, pins, url, data_dir)
    is_asked = not (yes or look or key_file is None)
    if is_asked or not as_json:
        from placet.cli.approve.words import told

        click.echo(told(served, looked), err=as_json)
    if key_file is None or look or (looked.disagreements and not refuse):
        if as_json:
            give(_document(looked, None), "", as_json=True)
        raise click.exceptions.Exit(Exit.FAILED if looked.disagreements else Exit.OK)
    key = _own_key(key_file, served, pins, refuse=refuse)
    if refuse:
        _check_refused(served, request)
    if not yes:
        word = "refuse" if refuse else "approve"
        click.confirm(f"Sign `{word}` on request {request}?", abort=True, err=True)
    answer = _vote(served, looked, key, Cast(refuse=refuse, reason=reason), url, data_dir)
    give(_document(looked, answer), _outcome(answer), as_json=as_json)


class Cast(NamedTuple):
    """What the person decided, and why."""

    refuse: bool
    reason: str | None


def _look(
    request: UUID, pins: Path | None, url: str | None, data_dir: Path | None
) -> "tuple[Served, Looked]":
    from placet.cli.approve.looking import look
    from placet.cli.approve.served import fetch
    from placet.cli.desk import at_desk
    from placet.cli.pins import pins_file, read_pins
    from placet.cli.seen import read_seen, write_seen

    file = pins_file(pins)
    pinned = read_pins(file)
    served = at_desk(url, data_dir, lambda studio: fetch(studio, request))
    seen = read_seen(file, served.workspace.workspace_id)
    looked = look(served, pinned, request, seen)
    if looked.base is not None and not looked.disagreements:
        seen = seen.with_one(looked.base.approval_id, looked.base.approval_version)
        write_seen(file, served.workspace.workspace_id, seen)
    return served, looked


def _own_key(key_file: Path, served: "Served", pins: Path | None, *, refuse: bool) -> "SigningKey":
    """Return the person's key. Refuses one that is pinned as another's than the service says.

    A vote in favour also needs that the key is pinned: who its holder is, is not asked here.
    """
    from placet.cli.key_file import load_key
    from placet.cli.pins import pins_file, read_pins
    from placet.evidence.bundle import KeyPurpose

    key, voter = load_key(key_file), served.me.actor.actor_id
    known = read_pins(pins_file(pins)).keys
    owners = {
        one.actor_id
        for one in known
        if (one.purpose, one.key_id) == (KeyPurpose.PERSON, key.key_id)
    }
    if not owners and not refuse:
        raise CommandRefused(
            detail=f"the key {key.key_id} that you sign with is not pinned",
            remedy=f"pin it: placet keys pin --only {key.key_id}",
        )
    if owners - {voter}:
        raise CommandRefused(
            detail=f"the key {key.key_id} is pinned as another's than {voter}, who the service "
            "says you are",
            remedy="sign nothing; ask whoever runs the service",
            code=Exit.FAILED,
        )
    return key


def _check_refused(served: "Served", asked: UUID) -> None:
    """Raise `CommandRefused` unless what would be signed is a refusal of this very request."""
    from placet.evidence.vote import APPROVAL_VOTE_TYPE

    told = served.request
    found = (told.request_id, told.vote_fields.request_id, told.vote_type)
    if found != (asked, asked, APPROVAL_VOTE_TYPE):
        raise CommandRefused(
            detail=f"the service gives another request to sign than {asked}",
            remedy="sign nothing; ask whoever runs the service",
            code=Exit.FAILED,
        )


def _vote(  # noqa: PLR0913, PLR0917 -- what is voted on, with what, and where
    served: "Served",
    looked: "Looked",
    key: "SigningKey",
    cast: Cast,
    url: str | None,
    data_dir: Path | None,
) -> "VoteAnswer":
    """Sign and hand in. A refusal names what the service asks about, whatever was found here."""
    from placet.cli.approve.signing import sign
    from placet.cli.desk import at_desk
    from placet.evidence.vote import VoteDecision
    from placet.studio.votes.model import SigningPlace

    request = served.request
    fields = request.vote_fields if cast.refuse else looked.fields
    decision = VoteDecision.REFUSE if cast.refuse else VoteDecision.APPROVE
    envelope = sign(fields, decision, served.me.actor.actor_id, key)
    return at_desk(
        url,
        data_dir,
        lambda studio: studio.requests.vote(
            request.request_id, envelope, reason=cast.reason, signed_in=SigningPlace.LOCAL
        ),
    )


def _document(looked: "Looked", answer: "VoteAnswer | None") -> dict[str, Any]:
    import msgspec

    return {
        "agree": not looked.disagreements,
        "disagreements": msgspec.to_builtins(looked.disagreements),
        "against": looked.against,
        "notes": looked.notes,
        "changes": msgspec.to_builtins(looked.changes),
        "findings": msgspec.to_builtins(looked.findings),
        "fields": msgspec.to_builtins(looked.fields),
        "vote": None if answer is None else msgspec.to_builtins(answer),
    }


def _outcome(answer: "VoteAnswer") -> str:
    missing = [f"{answer.approvals} of {answer.quorum} people"]
    missing += [f"{one.approvals} of {one.quorum} of group {one.name}" for one in answer.groups]
    if answer.approval_id is None:
        return f"request {answer.request_id} is {answer.status}: {', '.join(missing)}"
    return f"granted: approval {answer.approval_id}, compiled {answer.compiled_hash}"
