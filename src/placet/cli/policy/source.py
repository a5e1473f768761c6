"""Where a contract comes from at the terminal, and how findings on it are told."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click
import msgspec

if TYPE_CHECKING:
    from placet.policy.finding import Finding
    from placet.policy.text.parse import Form, Located

CHECK_FAILED: Final = 1
NOT_FOUND: Final = 3
STDIN: Final = "-"

contract_argument = click.argument("file", type=click.Path(path_type=str, allow_dash=True))
"""The argument FILE: a contract as a file, a directory, or `-` for standard input."""


class MissingError(click.ClickException):
    """What was named cannot be opened."""

    exit_code = NOT_FOUND


def load_contract(path: str, *, as_json: bool) -> "Located":
    """Return the contract of a file, a directory, or of standard input (`-`).

    What is no contract is told on stdout, and the command ends with 1; what cannot be opened ends
    it with 3.
    """
    return taken(read_contract_at(path), path, as_json=as_json)


def taken(found: "Located | list[Finding]", path: str, *, as_json: bool) -> "Located":
    """Return a contract that was read, or tell its findings and end the command with 1."""
    if isinstance(found, list):
        print_findings(found, as_json=as_json, source=path)
        raise click.exceptions.Exit(CHECK_FAILED)
    return found


def read_contract_at(path: str) -> "Located | list[Finding]":
    """Return the contract at a path as `load_contract` does, or its findings."""
    from placet.policy.text.directory import parse_directory
    from placet.policy.text.parse import parse_located

    if path != STDIN and Path(path).is_dir():
        return parse_directory(read_files(Path(path)))
    text = read_bytes(path)
    return parse_located(text, form_of(path, text))


def read_bytes(path: str) -> bytes:
    """Return the bytes of a file or of standard input, and no more than show it is too large."""
    from placet.policy.text.tree import TEXT_BYTES_MAX

    with _open(path) as stream:
        return stream.read(TEXT_BYTES_MAX + 1)


def form_of(path: str, text: bytes) -> "Form":
    """Return the form of a file by its name, or of a text without one by how it begins."""
    match Path(path).suffix.lower():
        case ".json":
            return "json"
        case ".yaml" | ".yml":
            return "yaml"
    return "json" if text.lstrip().startswith(b"{") else "yaml"


def findings_document(findings: "Iterable[Finding]") -> dict[str, object]:
    """Return findings as the value that `--json` prints: `{"findings": […]}`.

    `line` and `column` are null where there is no text; `file` and `related` are absent.
    """
    return {"findings": [_document(finding) for finding in findings]}


def print_findings(findings: "Iterable[Finding]", *, as_json: bool, source: str = "") -> None:
    """Print findings in the order given: `file:line:column: severity code: message`, and a help.

    `source` is the path as the person gave it.
    """
    if as_json:
        click.echo(msgspec.json.encode(findings_document(findings)).decode())
        return
    for finding in findings:
        where = ":".join(_where(finding, source))
        click.echo(f"{where}: {finding.severity} {finding.code}: {finding.message}")
        if finding.hint:
            click.echo(f"  help: {finding.hint}")


def _document(finding: "Finding") -> dict[str, object]:
    document: dict[str, object] = msgspec.to_builtins(finding)
    return {
        key: value
        for key, value in document.items()
        if value is not None or key not in {"file", "related"}
    }


def _where(finding: "Finding", source: str) -> Iterator[str]:
    name = "<stdin>" if source == STDIN else source
    if finding.file is not None:
        name = str(Path(source, finding.file))
    if name:
        yield name
    if finding.line is not None:
        yield from (str(finding.line), str(finding.column))
    if not name and finding.line is None:
        yield finding.path


def _open(path: str) -> BinaryIO:
    if path == STDIN:
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as fault:
        message = f"{path} cannot be opened: {fault.strerror}"
        raise MissingError(message) from fault


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder, and no more of them than show it is too large."""
    from placet.policy.text.directory import FILES_MAX
    from placet.policy.text.tree import TEXT_BYTES_MAX

    files: dict[str, bytes] = {}
    room = TEXT_BYTES_MAX + 1
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix().encode(errors="surrogateescape")
        text = b""
        if path.is_file():
            with _open(str(path)) as stream:
                text = stream.read(room)
        files[name.decode(errors="replace")] = text
        room -= len(text)
        if len(files) > FILES_MAX or room == 0:
            break
    return files


def _walk(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder, followlinks=False, onerror=_refuse):
        folders.sort()
        for name in sorted(names):
            yield Path(where, name)


def _refuse(fault: OSError) -> None:
    message = f"{os.fsdecode(fault.filename)} cannot be opened: {fault.strerror}"
    raise MissingError(message) from fault
