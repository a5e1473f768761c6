"""`placet key`: API keys, asked of the service."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.output import data_dir_option, give, json_option

if TYPE_CHECKING:
    import httpx

KEYS: Final = "/api/v1/tenancy/api-keys"
SECONDS_MAX: Final = 10.0
SCOPES: Final = ("runtime", "read", "author", "approve", "operate", "audit", "admin")
ENVIRONMENTS: Final = ("development", "staging", "production")

url_option = click.option(
    "--url", help="Address of the service.  [env: PLACET_URL; default: the one of the data folder]"
)


@click.group(name="key")
def command() -> None:
    """Issue, list and revoke API keys. The keys that people sign with are `placet person-key`.

    `placet key new FILE` makes one of the latter, as `placet person-key new` does.

    Needs an admin's key in PLACET_API_KEY, or in the file that PLACET_API_KEY_FILE names.
    """


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def new(*, file: Path, as_json: bool) -> None:
    """Make a key that a person signs with and write it to FILE, which must not be there yet."""
    from placet.cli.key_file import make_and_tell

    make_and_tell(file, as_json=as_json)


@command.command()
@click.option("--actor", required=True, help="Id of the actor that the key speaks for.")
@click.option("--name", required=True, help="A name by which people know the key.")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="Repeatable."
)
@click.option("--agent", help="Bind the key to this agent; a runtime key needs it.")
@click.option("--environment", type=click.Choice(ENVIRONMENTS), help="And to this environment.")
@click.option("--expires-at", help="When it ends: RFC 3339, with an offset.")
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="NAME=TEXT",
    help="For whom the agent acts; NAME:=3 and NAME:=true are no texts. Repeatable.",
)
@url_option
@data_dir_option
@json_option
def issue(  # noqa: PLR0913 -- one argument per option
    *,
    actor: str,
    name: str,
    scopes: tuple[str, ...],
    agent: str | None,
    environment: str | None,
    expires_at: str | None,
    claims: tuple[str, ...],
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Issue a key. Its text is printed this once."""
    body: dict[str, Any] = {
        "actor_id": actor,
        "name": name,
        "scopes": scopes,
        "agent": agent,
        "environment": environment,
        "expires_at": expires_at,
    }
    if claims:
        body["claims"] = dict(_claim(one) for one in claims)
    with service_client(url, data_dir) as client:
        issued = ask(client, "POST", KEYS, body)
    give(issued, str(issued["api_key"]), as_json=as_json)


@command.command()
@click.argument("key_id")
@url_option
@data_dir_option
@json_option
def revoke(*, key_id: str, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """End the key KEY_ID from the next request on."""
    from urllib.parse import quote

    with service_client(url, data_dir) as client:
        revoked = ask(client, "POST", f"{KEYS}/{quote(key_id, safe='')}/revoke")
    give(revoked, f"{revoked['key_id']} ended at {revoked['revoked_at']}", as_json=as_json)


@command.command(name="list")
@url_option
@data_dir_option
@json_option
def list_(*, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List every key of the tenant, live and ended."""
    keys: list[dict[str, Any]] = []
    with service_client(url, data_dir) as client:
        path: str | None = f"{KEYS}?limit=200"
        while path is not None:
            page = ask(client, "GET", path)
            keys += page["items"]
            after = page["next_cursor"]
            path = None if after is None else f"{KEYS}?limit=200&cursor={after}"
    give(keys, "\n".join(_line(key) for key in keys), as_json=as_json)


def _claim(text: str) -> tuple[str, str | int | bool]:
    """Return the name and the value of a claim as it was typed."""
    import json

    name, mark, given = text.partition("=")
    if not mark or not name.removesuffix(":"):
        raise _no_claim(text)
    if not name.endswith(":"):
        return name, given
    try:
        value = json.loads(given)
    except ValueError:
        raise _no_claim(text) from None
    if not isinstance(value, int):
        raise _no_claim(text)
    return name.removesuffix(":"), value


def _no_claim(text: str) -> CommandRefused:
    return CommandRefused(
        detail=f"`{text}` is no claim",
        remedy="write NAME=TEXT, or NAME:= before an integer, true or false",
    )


def _line(key: dict[str, Any]) -> str:
    ended = f"  ended {key['revoked_at']}" if key["revoked_at"] else ""
    bound = f"  {key['agent']} in {key['environment']}" if key["agent"] else ""
    return f"{key['key_id']}  {key['name']}  {','.join(key['scopes'])}{bound}{ended}"


def service_client(url: str | None, data_dir: Path | None) -> "httpx.Client":
    """Return a client of the service that speaks with the API key of the environment."""
    import httpx

    return httpx.Client(
        base_url=service_url(url, data_dir),
        headers={"Authorization": f"Bearer {own_key()}"},
        timeout=SECONDS_MAX,
    )


def service_url(url: str | None, data_dir: Path | None) -> str:
    """Return the service's address: the one given, that of PLACET_URL, or what runs here."""
    return url or os.environ.get("PLACET_URL") or _url_of(data_dir)


def _url_of(data_dir: Path | None) -> str:
    from placet.cli import service
    from placet.settings import load_settings

    running = service.find(load_settings({"data_dir": data_dir}).data_dir)
    if running is None:
        raise CommandRefused(
            detail="no service runs here, and no other is named",
            remedy="start one with `placet up --detach`, or name one with --url",
            code=Exit.INFRASTRUCTURE,
        )
    return running.url


def own_key() -> str:
    """Return the API key of the environment. Raises `CommandRefused` if there is none."""
    if key := os.environ.get("PLACET_API_KEY"):
        return key
    if file := os.environ.get("PLACET_API_KEY_FILE"):
        try:
            return Path(file).read_text().strip()
        except OSError as fault:
            raise CommandRefused(
                detail=f"`PLACET_API_KEY_FILE` names `{file}`, which cannot be read: {fault}",
                remedy="name a file that this user can read",
            ) from fault
    raise CommandRefused(
        detail="no API key is set",
        remedy="set PLACET_API_KEY to your key; `placet tenant create` prints an admin's first",
    )


def ask(
    client: "httpx.Client", method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the service's answer. Raises the refusal that the service gave."""
    import httpx

    from placet.kernel.ids import SystemIds
    from placet.kernel.refusals import refusal_for

    headers = {"Idempotency-Key": str(SystemIds().new())}
    try:
        answer = client.request(method, path, json=body, headers=headers)
        told: dict[str, Any] = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as fault:
        raise CommandRefused(
            detail=f"no service of ours answers at {client.base_url}: {fault}",
            remedy="start it with `placet up`, or correct the address",
            code=Exit.INFRASTRUCTURE,
        ) from fault
    if answer.is_error:
        refusal = refusal_for(told)
        reasons = [reason for reason in told.get("reasons", []) if isinstance(reason, str)]
        if reasons:  # where they are no plain words, the detail tells them all
            refusal.detail = "; ".join(reasons)
        raise refusal
    return told
