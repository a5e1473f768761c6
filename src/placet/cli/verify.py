"""`placet verify`: check an evidence bundle or a dossier without asking anybody."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeVar

import click
import msgspec

from placet.cli.words import as_text, plain

if TYPE_CHECKING:
    from placet.evidence.verify import BundleReport, DossierReport

T = TypeVar("T")

CHECK_FAILED: Final = 1
NOT_FOUND: Final = 3
_OTHERS_WRITE: Final = 0o022
_STDIN: Final = "-"

_EXAMPLES: Final = """\b
Examples:
  placet verify bundle.jsonl
  placet verify bundle.jsonl --keys pinned-keys.json
  placet verify bundle.jsonl --checkpoint /mnt/witness/TENANT.jsonl
  placet verify approval.jsonl --keys pinned-keys.json
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
    help="Trust the keys in this file alone, not those that the bundle brings: it is the one that"
    " `placet keys pin --keys FILE` wrote.",
)
@click.option(
    "--checkpoint",
    "held_file",
    type=click.Path(path_type=Path),
    help="Hold the log of a bundle to this checkpoint, or to those of a witness's file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def verify(file: str, keys_file: Path | None, held_file: Path | None, *, as_json: bool) -> None:
    """Check an evidence bundle, or the dossier of an approval or of an artifact.

    Of a bundle: chains, bodies, signatures, grants against kills, and that its events stand in the
    tenant's log, which goes on from a checkpoint that you hold. Of a dossier: that these people
    signed exactly this. FILE is either, or `-` for standard input. Needs no service, no database
    and no network. Exits with 0 if nothing is wrong, and with 1 after naming the first thing that
    is.
    """
    from placet.evidence.verify import cores, parse_held, parse_keys, verify_file

    pinned = None if keys_file is None else _own(keys_file, parse_keys, "key list")
    held = [] if held_file is None else _own(held_file, parse_held, "checkpoint")
    with _open(file) as stream:
        report = verify_file(stream, pinned, held=held, processes=cores())
    if as_json:
        click.echo(as_text({"good": report.is_good, **msgspec.to_builtins(report)}))
    else:
        _tell(report)
    if not report.is_good:
        raise click.exceptions.Exit(CHECK_FAILED)


def _tell(report: "BundleReport | DossierReport") -> None:
    from placet.evidence.verify import BundleReport

    if report.flaw is not None:
        flaw = report.flaw
        click.echo(plain(f"bad: line {flaw.line}, {flaw.item}: {flaw.why}"))
        if isinstance(report, BundleReport):
            click.echo(f"{report.events} events before it were in order")
        return
    if isinstance(report, BundleReport):
        click.echo(plain(f"good: bundle of tenant {report.tenant_id}{_scope(report.scope)}"))
    else:
        click.echo(f"good: {report.subject} {report.approval_id}, compiled {report.compiled_hash}")
        if report.request_id is not None:
            agent = f"agent {plain(str(report.agent))} in {report.environment}"
            click.echo(f"{agent}, workspace {report.workspace_id}, request {report.request_id}")
    _say("proved", report.proved)
    _say("not proved", report.not_proved)


def _scope(scope: str | None) -> str:
    return "" if scope is None else f", {scope}"


def _own(file: Path, read: Callable[[bytes], T], name: str) -> T:
    """Return what a file of the auditor's says. Refuses one that others may write."""
    with _open(str(file)) as stream:
        if os.fstat(stream.fileno()).st_mode & _OTHERS_WRITE:
            message = f"others may write the {name} {file}; chmod go-w {file}"
            raise click.UsageError(message)
        try:
            return read(stream.read())
        except (ValueError, RecursionError) as fault:
            message = plain(f"{file} is no {name}: {fault}")
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
        click.echo(plain(f"  - {sentence}"))


command = verify
