"""`placet verify`: check an evidence bundle without asking anybody."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click
import msgspec

if TYPE_CHECKING:
    from placet.evidence.bundle import KeyList

CHECK_FAILED: Final = 1
NOT_FOUND: Final = 3
_STDIN: Final = "-"

_EXAMPLES: Final = """\b
Examples:
  placet verify bundle.jsonl
  placet verify bundle.jsonl --keys pinned-keys.json
  curl -s -H "Authorization: Bearer $KEY" $URL/api/v1/replay/bundle | placet verify -
"""


class _MissingError(click.ClickException):
    """A file that was named cannot be opened."""

    exit_code = NOT_FOUND


@click.command("verify", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=str, allow_dash=True))
@click.option(
    "--keys",
    "keys_file",
    type=click.Path(path_type=Path),
    help="Trust the keys in this file alone, not those that the bundle brings.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def verify(file: str, keys_file: Path | None, *, as_json: bool) -> None:
    """Check an evidence bundle: chains, bodies, signatures, and grants against kills.

    FILE is a bundle, or `-` for standard input. Needs no service, no database and no network.
    Exits with 0 if nothing is wrong, and with 1 after naming the first thing that is.
    """
    from placet.evidence.verify import verify_bundle

    pinned = None if keys_file is None else _key_list(keys_file)
    with _open(file) as stream:
        report = verify_bundle(stream, pinned)
    if as_json:
        verdict = {"good": report.is_good, **msgspec.to_builtins(report)}
        click.echo(msgspec.json.encode(verdict).decode())
    elif report.flaw is None:
        click.echo(f"good: bundle of tenant {report.tenant_id}")
        _say("proved", report.proved)
        _say("not proved", report.not_proved)
    else:
        flaw = report.flaw
        click.echo(f"bad: line {flaw.line}, {flaw.item}: {flaw.why}")
        click.echo(f"{report.events} events before it were in order")
    sys.exit(0 if report.is_good else CHECK_FAILED)


def _key_list(file: Path) -> "KeyList":
    from placet.evidence.bundle import KeyList

    with _open(str(file)) as stream:
        try:
            return msgspec.json.decode(stream.read(), type=KeyList)
        except ValueError as fault:
            message = f"{file} is no key list: {fault}"
            raise click.UsageError(message) from fault


def _open(file: str) -> BinaryIO:
    if file == _STDIN:
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as fault:
        message = f"{file} cannot be opened: {fault.strerror}"
        raise _MissingError(message) from fault


def _say(title: str, sentences: tuple[str, ...]) -> None:
    click.echo(f"{title}:")
    for sentence in sentences:
        click.echo(f"  - {sentence}")


command = verify
