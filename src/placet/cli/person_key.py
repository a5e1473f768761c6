"""`placet person-key`: the key that a person signs with, which no service ever sees."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import ENVIRONMENTS, ask, service_client, url_option
from placet.cli.output import data_dir_option, give, json_option, say

if TYPE_CHECKING:
    from placet.evidence.ed25519 import SigningKey

AUTHORITY: Final = "/api/v1/authority"
_CHALLENGE_BYTES: Final = 32

_key_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group(name="person-key")
def command() -> None:
    """Make the key that a person signs with, enrol it, confirm a colleague's, revoke one.

    The private half stays in its file, encrypted with a passphrase that is asked for, or taken
    from PLACET_KEY_PASSPHRASE. API keys, which open the service's door, are `placet key`.

    \b
    Examples:
      placet person-key new ada.key
      placet person-key enrol ada.key --workspace 0199…
      placet person-key confirm ben.key 0199…
      placet person-key revoke 3f5c… --reason "the laptop is gone"
    """  # noqa: D301 -- \b keeps click from folding the examples


@command.command()
@_key_file
@json_option
def new(*, file: Path, as_json: bool) -> None:
    """Make a key and write it to FILE, which must not be there yet."""
    from placet.cli.key_file import make_and_tell

    make_and_tell(file, as_json=as_json)


@command.command()
@_key_file
@json_option
def show(*, file: Path, as_json: bool) -> None:
    """Print the id and the public half of the key in FILE."""
    from placet.cli.key_file import load_key

    key = load_key(file)
    found = {"file": str(file), "key_id": key.key_id, "public_key": _base64(key.public.raw)}
    give(found, f"key id      {key.key_id}\npublic key  {found['public_key']}", as_json=as_json)


@command.command()
@_key_file
@click.option("--tenant", required=True, type=click.UUID, help="Id of the tenant.")
@click.option("--person", required=True, type=click.UUID, help="Id of the actor whose key it is.")
@click.option("--agent", help="The agent whose workspace is to be made.")
@click.option("--environment", type=click.Choice(ENVIRONMENTS), help="Where.")
@click.option(
    "--group", "groups", multiple=True, metavar="NAME", help="In which group; repeatable."
)
@click.option("--after", type=click.UUID, help="The archived workspace that went before it.")
@click.option(
    "--challenge", help="Instead of these: 64 hexadecimal digits that the service gave you."
)
@json_option
def proof(  # noqa: PLR0913 -- one argument per option
    *,
    file: Path,
    tenant: UUID,
    person: UUID,
    agent: str | None,
    environment: str | None,
    groups: tuple[str, ...],
    after: UUID | None,
    challenge: str | None,
    as_json: bool,
) -> None:
    """Prove, without asking any service, that the key in FILE is held here.

    With an agent and an environment, that its holder agrees to be a first approver of that one
    workspace, in these groups. What is printed is then an item of `approvers` in the body that
    makes it.
    """
    from placet.cli.key_file import load_key

    told: dict[str, Any] = {"actor_id": str(person)}
    if challenge is not None and not (agent or environment or groups or after):
        told |= _proven(load_key(file), tenant, person, _challenge(challenge))
    elif challenge is None and agent and environment:
        over = _first(tenant, agent, environment, groups, after)
        told |= _proven(load_key(file), tenant, person, over)
        told["groups"] = sorted(set(groups))
    else:
        raise CommandRefused(
            detail="a proof is over an agent with its environment, or over a challenge",
            remedy="give --agent and --environment, or --challenge alone",
        )
    lines = (f"{name}  {value}" for name, value in told.items() if name != "groups")
    give(told, "\n".join(lines), as_json=as_json)


@command.command()
@_key_file
@click.option("--workspace", required=True, type=click.UUID, help="Where it is to count.")
@click.option(
    "--group", "groups", multiple=True, metavar="NAME", help="For which group; repeatable."
)
@url_option
@data_dir_option
@json_option
def enrol(  # noqa: PLR0913 -- one argument per option
    *,
    file: Path,
    workspace: UUID,
    groups: tuple[str, ...],
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Ask that your votes with the key in FILE count in a workspace.

    Needs your own API key in PLACET_API_KEY. An approver of the workspace confirms it; with groups,
    somebody of each of them.
    """
    from placet.cli.key_file import load_key

    key = load_key(file)
    with service_client(url, data_dir) as client:
        given = ask(client, "POST", f"{AUTHORITY}/challenges", {})
        tenant, person = UUID(given["tenant_id"]), UUID(given["actor_id"])
        wish: dict[str, Any] = {
            "workspace_id": str(workspace),
            "challenge_id": given["challenge_id"],
            "groups": groups,
        }
        wish |= _proven(key, tenant, person, _challenge(given["challenge"]))
        asked = ask(client, "POST", f"{AUTHORITY}/enrolments", wish)
    give(asked, asked["enrolment_id"], as_json=as_json)
    of_each = " of each group" if groups else ""
    say(
        f"waits for an approver{of_each} until {asked['expires_at']};"
        f" tell them the key id {key.key_id}"
    )


@command.command()
@_key_file
@click.argument("enrolment", type=click.UUID)
@click.option("--key-id", help="The key id that its holder told you, to be compared.")
@click.option("--refuse", is_flag=True, help="Sign that this person may not.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@url_option
@data_dir_option
@json_option
def confirm(  # noqa: PLR0913 -- one argument per option
    *,
    file: Path,
    enrolment: UUID,
    key_id: str | None,
    refuse: bool,
    yes: bool,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Sign, with the key in FILE, that a colleague may vote; ENROLMENT is the id of their wish.

    Compare the key id with what its holder tells you by another way. Needs your own API key.
    """
    from placet.cli.key_file import load_key

    with service_client(url, data_dir) as client:
        wish = ask(client, "GET", f"{AUTHORITY}/enrolments/{enrolment}")
        _check(wish, key_id)
        say(_told(wish))
        word = "refuse" if refuse else "approve"
        if not yes:
            click.confirm(f"Sign `{word}`?", abort=True, err=True)
        key = load_key(file)
        voter = ask(client, "GET", "/api/v1/tenancy/me")["actor"]["actor_id"]
        body = {"envelope": _word(wish, word, voter, key)}
        done = ask(client, "POST", f"{AUTHORITY}/enrolments/{enrolment}/confirmations", body)
    rest = f", counts from {done['counts_from']}" if done["counts_from"] else ""
    if done["status"] == "pending":
        rest = f", waits for somebody of {', '.join(done['missing']) or 'its groups'}"
    give(done, f"{done['status']}{rest}", as_json=as_json)


@command.command()
@click.argument("key_id")
@click.option("--reason", required=True, help="Why; it stands in the tenant's evidence.")
@url_option
@data_dir_option
@json_option
def revoke(
    *, key_id: str, reason: str, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """End the person's key KEY_ID, your own or as an admin anybody's. There is no way back."""
    from urllib.parse import quote

    path = f"{AUTHORITY}/person-keys/{quote(key_id, safe='')}/revoke"
    with service_client(url, data_dir) as client:
        ended = ask(client, "POST", path, {"reason": reason})
    give(ended, f"{ended['key_id']} ended at {ended['revoked_at']}", as_json=as_json)


def _first(
    tenant: UUID, agent: str, environment: str, groups: tuple[str, ...], after: UUID | None
) -> bytes:
    """Return what a first approver of that workspace signs over."""
    from placet.evidence.first_approver import first_challenge, first_naming
    from placet.kernel.principal import Environment

    return first_challenge(first_naming(tenant, agent, Environment(environment), groups, after))


def _proven(key: "SigningKey", tenant: UUID, person: UUID, challenge: bytes) -> dict[str, str]:
    from placet.evidence.dsse import encode_envelope
    from placet.evidence.vote import sign_proof

    envelope = sign_proof(tenant, person, challenge, key)
    return {
        "public_key": _base64(key.public.raw),
        "proof": _base64(encode_envelope(envelope)),
    }


def _challenge(text: str) -> bytes:
    try:
        challenge = bytes.fromhex(text)
    except ValueError:
        challenge = b""
    if len(challenge) != _CHALLENGE_BYTES:
        raise CommandRefused(detail="a challenge is 64 hexadecimal digits", remedy="copy it whole")
    return challenge


def _check(wish: dict[str, Any], key_id: str | None) -> None:
    """Refuse an enrolment whose key the service's answer does not prove, or that is another one.

    The service is not taken at its word: the proof is verified here, over what is to be signed.
    """
    import base64

    from placet.evidence import dsse, vote
    from placet.evidence.ed25519 import PublicKey

    fields = wish["vote_fields"]
    try:
        key = PublicKey(raw=bytes.fromhex(fields["public_key"]))
    except ValueError as fault:
        raise CommandRefused(
            detail=f"the key of this enrolment is none: {fault}",
            remedy="do not sign; ask the person, and whoever runs the service",
            code=Exit.FAILED,
        ) from fault
    shown = vote.verify_proof(dsse.parse_envelope(base64.b64decode(wish["proof"])), key)
    said = (str(shown.tenant_id), str(shown.actor_id), shown.challenge, shown.key_id)
    if said != tuple(
        fields[name] for name in ("tenant_id", "actor_id", "challenge", "enrolled_key_id")
    ):
        raise CommandRefused(
            detail="the proof of possession is not that of this enrolment",
            remedy="do not sign; ask the person, and whoever runs the service",
            code=Exit.FAILED,
        )
    if key_id is not None and key_id != key.key_id:
        raise CommandRefused(
            detail=f"the enrolment is for the key {key.key_id}, not for the one you were told",
            remedy="do not sign; ask the person which key is theirs",
            code=Exit.FAILED,
        )


def _told(wish: dict[str, Any]) -> str:
    fields = wish["vote_fields"]
    return (
        f"person     {fields['actor_id']}\n"
        f"workspace  {fields['workspace_id']} ({fields['environment']})\n"
        f"key id     {fields['enrolled_key_id']}\n"
        f"groups     {', '.join(fields['groups']) or '-'}\n"
        f"status     {wish['status']}"
    )


def _word(wish: dict[str, Any], word: str, voter: str, key: "SigningKey") -> dict[str, Any]:
    import msgspec

    from placet.evidence.enrolment import EnrolmentVote, sign_enrolment_vote

    said = wish["vote_fields"] | {"decision": word, "voter_id": voter, "key_id": key.key_id}
    vote = msgspec.convert(said, EnrolmentVote)
    envelope: dict[str, Any] = msgspec.to_builtins(sign_enrolment_vote(vote, key))
    return envelope


def _base64(raw: bytes) -> str:
    import base64

    return base64.b64encode(raw).decode()
