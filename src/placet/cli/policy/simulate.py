"""`placet policy simulate`: what a contract would have said to recorded calls."""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final
from uuid import UUID

import click
import msgspec

from placet.cli.exits import CommandRefused
from placet.cli.output import json_option, say
from placet.cli.policy.source import (
    CHECK_FAILED,
    STDIN,
    MissingError,
    contract_argument,
    load_contract,
    print_findings,
)
from placet.kernel.clock import SystemClock

if TYPE_CHECKING:
    from placet.policy.loaded import Policy
    from placet.policy.simulation.late import Late
    from placet.policy.simulation.lines import Line
    from placet.policy.simulation.report import CallLine, SummaryLine
    from placet.policy.simulation.unjudged import Gaps

_KEPT_MAX: Final = 64 * 1024 * 1024
"""Bytes of results that are held in memory before they go to a file that has no name."""

_WRITTEN_AT_ONCE: Final = 64 * 1024
_BETWEEN_LOOKS: Final = 1_000
_BETWEEN_WORDS_SECONDS: Final = 1.0

_EXAMPLES: Final = """\b
Examples:
  placet policy simulate --calls calls.jsonl contract.yaml
  placet policy simulate --calls calls.jsonl contracts/refund-desk --json
  placet policy simulate --calls bundle.jsonl --session 0198... contract.yaml
"""


@click.command("simulate", epilog=_EXAMPLES)
@click.option(
    "--calls",
    "calls_file",
    required=True,
    type=click.Path(path_type=str, allow_dash=True),
    help="Recorded calls, one step a line, or an event export; `-` is standard input.",
)
@click.option("--session", type=click.UUID, help="The session, in an export with several.")
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Say every second how far it is.  [default: on a terminal]",
)
@contract_argument
@json_option
def simulate(
    calls_file: str, session: UUID | None, file: str, *, progress: bool | None, as_json: bool
) -> None:
    """Hold recorded calls to a contract, and say what would have become of each.

    FILE is a contract: a file, a directory, or `-` for standard input. With `--json`, one line a
    call, and a summary at last. Exits with 0 whatever the verdicts, with 1 if the contract has
    errors or blockers, and with 2 if the calls cannot be read.
    """
    if calls_file == STDIN and file == STDIN:
        message = "the contract and the calls cannot both come from standard input"
        raise click.UsageError(message)
    policy = _policy(file, as_json=as_json)
    with _seekable(calls_file) as stream:
        outcomes = _outcomes(policy, stream, calls_file, session)
        if progress or (progress is None and sys.stderr.isatty()):
            outcomes = _told(outcomes)
        if as_json:
            _print_json(outcomes)
        else:
            _print_words(outcomes)


def _policy(file: str, *, as_json: bool) -> "Policy":
    """Return the contract of a file, ready to judge, or end the command with its findings."""
    from placet.policy.checks.check import check_contract, stops
    from placet.policy.compile import compile_contract
    from placet.policy.load import load_policy
    from placet.policy.text.parse import locate

    located = load_contract(file, as_json=as_json)
    findings = locate(check_contract(located.contract), located)
    if stops(findings):
        print_findings(findings, as_json=as_json, source=file)
        raise click.exceptions.Exit(CHECK_FAILED)
    return load_policy(compile_contract(located.contract).runtime)


@contextmanager
def _seekable(path: str) -> Iterator[IO[bytes]]:
    """Open the recording, which is read twice: what can be read only once is kept first."""
    if path == STDIN:
        with _kept(sys.stdin.buffer) as stream:
            yield stream
        return
    with _opened(path) as stream:
        if stream.seekable():
            yield stream
            return
        with _kept(stream) as kept:
            yield kept


@contextmanager
def _kept(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    with tempfile.SpooledTemporaryFile(max_size=_KEPT_MAX) as kept:
        shutil.copyfileobj(stream, kept)
        kept.seek(0)
        yield kept


def _opened(path: str) -> IO[bytes]:
    try:
        return Path(path).open("rb")
    except OSError as fault:
        message = f"{path} cannot be opened: {fault.strerror}"
        raise MissingError(message) from fault


def _outcomes(
    policy: "Policy", stream: IO[bytes], name: str, session: UUID | None
) -> "Iterator[CallLine | SummaryLine]":
    """Yield the simulation of a recording. Refuses one that is malformed, with line and field."""
    from placet.cli.policy.recorded import SessionUnclearError, is_export
    from placet.policy.simulation.lines import LineError, LineReader, number_of
    from placet.policy.simulation.run import simulate as simulated

    first = next((line for line in stream if line.strip()), b"")
    stream.seek(0)
    reader = LineReader(stream)
    try:
        lines: Iterable[Line] = reader
        late: Late | None = None
        gaps: Gaps | None = None
        if is_export(first):
            from placet.cli.policy.recorded import GAPS, lines_of_export

            lines, gaps = lines_of_export(stream, session), GAPS
        else:
            from placet.policy.simulation.late import late_results_in

            late = late_results_in(policy, stream)
            stream.seek(0)
        yield from simulated(policy, lines, late, gaps)
    except LineError as fault:
        number = reader.number
        if number and fault.step is not None:
            stream.seek(0)
            number = number_of(fault.step, stream)
        where = f"{name}: line {number}, " if number else f"{name}: "
        raise CommandRefused(
            detail=f"{where}{fault}",
            remedy="one step a line, in the form of the page on simulating recorded calls",
        ) from None
    except SessionUnclearError as fault:
        known = ", ".join(map(str, fault.sessions[:10])) or "none"
        raise CommandRefused(
            detail=f"{name}: the sessions of this export are: {known}",
            remedy="name one of them with `--session`",
        ) from None


def _told(outcomes: "Iterator[CallLine | SummaryLine]") -> "Iterator[CallLine | SummaryLine]":
    """Pass outcomes on, and say on stderr how many there were."""
    clock = SystemClock()
    last = clock.monotonic()
    for count, outcome in enumerate(outcomes, 1):
        if count % _BETWEEN_LOOKS == 0 and clock.monotonic() - last > _BETWEEN_WORDS_SECONDS:
            last = clock.monotonic()
            say(f"{count:,} calls")
        yield outcome


def _print_json(outcomes: "Iterable[CallLine | SummaryLine]") -> None:
    """Print every line, once the last is known to be well-formed."""
    encoder = msgspec.json.Encoder()
    buffer = bytearray()
    with tempfile.SpooledTemporaryFile(max_size=_KEPT_MAX) as kept:
        for outcome in outcomes:
            encoder.encode_into(outcome, buffer, -1)
            buffer += b"\n"
            if len(buffer) > _WRITTEN_AT_ONCE:
                kept.write(buffer)
                buffer.clear()
        kept.write(buffer)
        kept.seek(0)
        shutil.copyfileobj(kept, sys.stdout.buffer)


def _print_words(outcomes: "Iterable[CallLine | SummaryLine]") -> None:
    from placet.policy.simulation.report import CallLine
    from placet.policy.simulation.words import Tally

    tally = Tally()
    for outcome in outcomes:
        if isinstance(outcome, CallLine):
            tally.add(outcome)
        else:
            click.echo(tally.text(outcome.summary))


command = simulate
