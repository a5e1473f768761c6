"""`placet verify`: check an evidence bundle or a dossier without asking anybody."""

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click
import msgspec

from placet.cli.words import as_text, plain

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from placet.evidence.bundle import KeyList
    from placet.evidence.verify import BundleReport, Flaw
    from placet.evidence.verify_dossier import DossierReport

CHECK_FAILED: Final = 1
NOT_FOUND: Final = 3
_OTHERS_WRITE: Final = 0o022
_STDIN: Final = "-"
_DOSSIER: Final = b'"kind":"placet.dossier.v1"'
_FIRST_MAX: Final = 16 * 1024 * 1024

_EXAMPLES: Final = """\b
Examples:
  placet verify bundle.jsonl
  placet verify bundle.jsonl --keys pinned-keys.json
  placet verify approval.jsonl --keys pinned-keys.json
  curl -s -H "Authorization: Bearer $KEY" $URL/api/v1/replay/bundle | placet verify -
"""


class _Rejoined(io.RawIOBase):
    """A stream whose first line was read already, from its beginning."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        """Give the first line back before the rest."""
        self._first = first
        self._rest = rest

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer."""
        view = memoryview(buffer)
        data, self._first = self._first[: len(view)], self._first[len(view) :]
        data = data or self._rest.read(len(view))
        view[: len(data)] = data
        return len(data)


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
    """Check an evidence bundle, or the dossier of an approval or of an artifact.

    Of a bundle: chains, bodies, signatures, and grants against kills. Of a dossier: that these
    people signed exactly this. FILE is either, or `-` for standard input. Needs no service, no
    database and no network. Exits with 0 if nothing is wrong, and with 1 after naming the first
    thing that is.
    """
    pinned = None if keys_file is None else _key_list(keys_file)
    with _open(file) as stream:
        first = stream.readline(_FIRST_MAX)
        if _DOSSIER in first:
            is_good = _tell_dossier(first + stream.read(), pinned, as_json=as_json)
        else:
            whole = io.BufferedReader(_Rejoined(first, stream))
            is_good = _tell_bundle(whole, pinned, as_json=as_json)
    if not is_good:
        raise click.exceptions.Exit(CHECK_FAILED)


def _tell_bundle(stream: BinaryIO, pinned: "KeyList | None", *, as_json: bool) -> bool:
    from placet.evidence.verify import verify_bundle

    report = verify_bundle(stream, pinned)
    if as_json:
        _give_json(report, is_good=report.is_good)
    elif report.flaw is None:
        click.echo(f"good: bundle of tenant {report.tenant_id}")
        _say("proved", report.proved)
        _say("not proved", report.not_proved)
    else:
        _say_flaw(report.flaw)
        click.echo(f"{report.events} events before it were in order")
    return report.is_good


def _tell_dossier(data: bytes, pinned: "KeyList | None", *, as_json: bool) -> bool:
    from placet.evidence.verify_dossier import verify_dossier

    report = verify_dossier(data, pinned)
    if as_json:
        _give_json(report, is_good=report.is_good)
    elif report.flaw is None:
        click.echo(f"good: {report.subject} {report.approval_id}, compiled {report.compiled_hash}")
        if report.request_id is not None:
            agent = f"agent {plain(str(report.agent))} in {report.environment}"
            click.echo(f"{agent}, workspace {report.workspace_id}, request {report.request_id}")
        _say("proved", report.proved)
        _say("not proved", report.not_proved)
    else:
        _say_flaw(report.flaw)
    return report.is_good


def _give_json(report: "BundleReport | DossierReport", *, is_good: bool) -> None:
    verdict = {"good": is_good, **msgspec.to_builtins(report)}
    click.echo(as_text(verdict))


def _say_flaw(flaw: "Flaw") -> None:
    click.echo(plain(f"bad: line {flaw.line}, {flaw.item}: {flaw.why}"))


def _key_list(file: Path) -> "KeyList":
    from placet.evidence.bundle import KeyList

    with _open(str(file)) as stream:
        if os.fstat(stream.fileno()).st_mode & _OTHERS_WRITE:
            message = f"others may write the key list {file}; chmod go-w {file}"
            raise click.UsageError(message)
        try:
            return msgspec.json.decode(stream.read(), type=KeyList)
        except ValueError as fault:
            message = plain(f"{file} is no key list: {fault}")
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
