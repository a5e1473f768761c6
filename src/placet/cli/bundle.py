"""`placet bundle`: taking evidence away, in one file that anybody can verify."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.desk import output_option, write_parts
from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import own_key, service_url, url_option
from placet.cli.output import data_dir_option, give, json_option, say
from placet.cli.times import FORM, moment
from placet.cli.words import plain

if TYPE_CHECKING:
    import httpx

BUNDLES: Final = "/api/v1/audit/bundles"
CHECKPOINT: Final = "placet.checkpoint.v1"
_SILENCE_SECONDS: Final = 60.0
_PART_BYTES: Final = 1024 * 1024
_TELL_BYTES: Final = 64 * 1024 * 1024
_OK: Final = 200
_EXAMPLES: Final = """\b
Examples:
  placet bundle export --session 0199… -o session.jsonl
  placet bundle export --approval 0199… -o approval.jsonl
  placet bundle export --from 2026-03-01T00:00Z --to 2026-03-02T00:00Z --tool refund -o day.jsonl
  placet bundle export --tenant --checkpoint witness.jsonl -o all.jsonl
  placet verify all.jsonl --keys pinned-keys.json --checkpoint witness.jsonl
"""


@click.group(name="bundle", epilog=_EXAMPLES)
def command() -> None:
    """Take evidence away: of a session, of an approval, of a window of time, or all of it.

    Needs an API key that may audit in PLACET_API_KEY. Who took what becomes an event.
    """


@command.command(epilog=_EXAMPLES)
@click.option("--session", type=click.UUID, help="Of this session.")
@click.option("--approval", type=click.UUID, help="Of this approval.")
@click.option("--tenant", "is_tenant", is_flag=True, help="Of everything in the tenant.")
@click.option("--from", "since", metavar="TIME", help=f"From here on, {FORM}.")
@click.option("--to", "until", metavar="TIME", help="Until here.")
@click.option("--agent", help="With --from and --to: only sessions of this agent.")
@click.option("--tool", help="With --from and --to: only sessions that called this tool.")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with a checkpoint that you keep: the bundle tells how the log grew since.",
)
@output_option
@url_option
@data_dir_option
@json_option
def export(  # noqa: PLR0913 -- one argument per option
    *,
    session: UUID | None,
    approval: UUID | None,
    is_tenant: bool,
    since: str | None,
    until: str | None,
    agent: str | None,
    tool: str | None,
    checkpoint: Path | None,
    file: Path,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Write evidence to a file, for `placet verify` to check.

    What is written is looked at once, with the keys that it brings; a flaw is told, and the file
    stays. Whoever pinned keys and keeps checkpoints checks it again with them.
    """
    from placet.evidence.verify import verify_bundle

    begin, end = moment(since), moment(until)
    _check_scope(
        {"--session": session, "--approval": approval, "--tenant": is_tenant or None},
        {"--from": begin, "--to": end},
        {"--agent": agent, "--tool": tool},
    )
    asked = {
        "session_id": session,
        "approval_id": approval,
        "from": begin and begin.isoformat(),
        "to": end and end.isoformat(),
        "agent": agent,
        "tool": tool,
        "checkpoint_size": None if checkpoint is None else _size_in(checkpoint),
    }
    given = {name: str(value) for name, value in asked.items() if value is not None}
    size = write_parts(file, _parts(service_url(url, data_dir), given))
    with file.open("rb") as stream:
        report = verify_bundle(stream)
    if report.flaw is not None:
        raise CommandRefused(
            detail=f"{file} is written, and line {report.flaw.line} is bad: "
            f"{plain(report.flaw.item)}: {plain(report.flaw.why)}",
            remedy="keep the file, and trust it with nothing until you know why",
            code=Exit.FAILED,
        )
    told = {"file": str(file), "bytes": size, "events": report.events}
    give(told, f"{size:,} bytes, {report.events} events, in {file}", as_json=as_json)


def _check_scope(
    whole: dict[str, object], window: dict[str, object], within: dict[str, object]
) -> None:
    """Refuse options that name nothing, more than one thing, half a window, or a part of none."""
    named = [option for option, value in whole.items() if value is not None]
    edges = [option for option, value in window.items() if value is not None]
    parts = [option for option, value in within.items() if value is not None]
    scopes = [*named, *([" and ".join(edges)] if edges else [])]
    why = None
    if not scopes and not parts:
        why = "nothing says of what the bundle is to be"
    elif len(scopes) > 1:
        why = f"a bundle is of one thing, and more are named: {', '.join(scopes)}"
    elif edges and len(edges) < len(window):
        why = "a window of time has a beginning and an end"
    elif parts and not edges:
        why = f"{' and '.join(parts)} go with a window of time alone"
    if why is not None:
        raise CommandRefused(
            detail=why,
            remedy="name one: --session, --approval, --from and --to"
            " (with --agent and --tool, if you like), or --tenant",
        )


def _parts(address: str, asked: dict[str, str]) -> Iterator[bytes]:
    """Yield the bytes of a bundle as they come, and tell how many there are on the way."""
    import httpx

    headers = {"Authorization": f"Bearer {own_key()}"}
    timeout = httpx.Timeout(_SILENCE_SECONDS, connect=3.0)
    told = 0
    try:
        with (
            httpx.Client(base_url=address, timeout=timeout) as client,
            client.stream("GET", BUNDLES, params=asked, headers=headers) as answer,
        ):
            if answer.status_code != _OK:
                raise _refused(answer)
            for part in answer.iter_bytes(_PART_BYTES):
                yield part
                if answer.num_bytes_downloaded - told >= _TELL_BYTES:
                    told = answer.num_bytes_downloaded
                    say(f"{told:,} bytes so far")
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise CommandRefused(
            detail=f"the bundle did not come whole from {address}: {fault}",
            remedy="see whether the service runs, and export it again",
            code=Exit.INFRASTRUCTURE,
        ) from fault


def _refused(answer: "httpx.Response") -> Exception:
    from placet.sdk.caller import refusal_in
    from placet.sdk.transport import HttpResponse

    body = answer.read()
    return refusal_in(
        HttpResponse(status=answer.status_code, headers=dict(answer.headers), body=body)
    )


def _size_in(file: Path) -> int:
    """Return the size of the newest checkpoint in a file: an envelope, or one a line.

    Newest is the one of the latest restore epoch, as for `placet verify`: before a restore the log
    may have been longer. A last line that was never finished does not count.
    """
    import msgspec

    from placet.evidence.checkpoint import CheckpointPayload
    from placet.evidence.verify import parse_held

    try:
        held = parse_held(file.read_bytes())
        told = [msgspec.json.decode(one.payload, type=CheckpointPayload) for one in held]
    except (OSError, ValueError) as fault:
        raise CommandRefused(
            detail=f"{file} holds no checkpoint: {fault}",
            remedy="take one with `placet checkpoint save`",
        ) from fault
    return max(told, key=lambda one: (one.epoch, one.size)).size
