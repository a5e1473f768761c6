"""`placet policy fmt`: a contract in its usual form."""

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.output import give, json_option
from placet.cli.policy.source import (
    CHECK_FAILED,
    STDIN,
    contract_argument,
    form_of,
    read_bytes,
    read_files,
    taken,
)

if TYPE_CHECKING:
    from placet.policy.text.parse import Form, Located

_EXAMPLES: Final = """\b
Examples:
  placet policy fmt contract.yaml
  placet policy fmt contract.yaml --check
  placet policy fmt contract.yaml --write
  placet policy fmt contract.yaml --json > contract.json
"""


@dataclasses.dataclass(frozen=True)
class _File:
    """One file of a contract, as it is and as it would be written; `name` is within a directory."""

    path: str
    name: str
    form: "Form"
    before: bytes
    after: bytes


@click.command("fmt", epilog=_EXAMPLES)
@contract_argument
@click.option("--check", is_flag=True, help="Only say what would change; exit with 1 if any does.")
@click.option("--write", is_flag=True, help="Write the file in its usual form, in its place.")
@click.option("--drop-comments", is_flag=True, help="Let --write lose the comments of a file.")
@json_option
def fmt(file: str, *, check: bool, write: bool, drop_comments: bool, as_json: bool) -> None:
    """Print a contract in its usual form: the language's order of keys, one way of writing each.

    FILE is a contract, a directory with one, or `-` for standard input. With --json its canonical
    JSON document is printed instead, without what is the default anyway. A file whose name ends in
    `.json` is checked against, and written as, that document. Comments are not kept.
    """
    if (check and write) or (write and file == STDIN) or (drop_comments and not write):
        message = "give --check, or --write with a file (and --drop-comments), or neither"
        raise click.UsageError(message)
    located, files = _read(file, as_json=as_json)
    changed = [one.path for one in files if one.before != one.after]
    if check:
        text = "\n".join(f"{path}: not in its usual form" for path in changed)
        give({"changed": changed}, text or "in its usual form", as_json=as_json)
        raise click.exceptions.Exit(CHECK_FAILED if changed else 0)
    if write:
        _write(files, located, drop_comments=drop_comments)
        text = "\n".join(f"written: {path}" for path in changed) or "nothing to change"
        give({"written": changed}, text, as_json=as_json)
        return
    click.echo(_json(located) if as_json else _yaml(located), nl=as_json)


def _read(file: str, *, as_json: bool) -> "tuple[Located, list[_File]]":
    from placet.policy.text.directory import parse_directory
    from placet.policy.text.parse import parse_located

    if file != STDIN and Path(file).is_dir():
        texts = read_files(Path(file))
        located = taken(parse_directory(texts), file, as_json=as_json)
        return located, list(_files(file, texts, located))
    text = read_bytes(file)
    form = form_of(file, text)
    located = taken(parse_located(text, form), file, as_json=as_json)
    after = _yaml(located) if form == "yaml" else _json(located) + "\n"
    return located, [_File(file, "", form, text, after.encode())]


def _files(folder: str, texts: dict[str, bytes], located: "Located") -> Iterator[_File]:
    """Yield the files of a directory; each holds a part of the document."""
    from placet.policy.text.writing import write_document, write_tool

    document = _document(located)
    tools = document.pop("tools")
    assert isinstance(tools, list)  # noqa: S101 -- a contract has a list of tools
    parts = [write_document(document), *map(write_tool, tools)]
    for name, part in zip(located.files, parts, strict=True):
        yield _File(str(Path(folder, name)), name, "yaml", texts[name], part.encode())


def _document(located: "Located") -> dict[str, object]:
    from placet.policy.text.values import plain

    document = plain(located.document)
    assert isinstance(document, dict)  # noqa: S101 -- a contract is a mapping
    return document


def _yaml(located: "Located") -> str:
    from placet.policy.text.writing import write_document

    return write_document(_document(located))


def _json(located: "Located") -> str:
    from typing import cast

    from placet.kernel import foreign
    from placet.policy.text.document import contract_document

    return foreign.encode(cast("foreign.Json", contract_document(located.contract))).decode()


def _write(files: list[_File], located: "Located", *, drop_comments: bool) -> None:
    """Write the files that would change, none of them if one may not be written."""
    changed = [one for one in files if one.before != one.after]
    for file in changed:
        if not drop_comments:
            _check_comments(file)
    if changed:
        _check_same(files, located)
    for file in changed:
        _replace(Path(file.path).resolve(), file.after)


def _check_comments(file: _File) -> None:
    from placet.cli.exits import CommandRefused, Exit
    from placet.policy.text.yaml_text import has_comment

    if file.form == "yaml" and has_comment(file.before.decode()):
        raise CommandRefused(
            detail=f"{file.path} has comments, and they would be lost",
            remedy="give --drop-comments too, or take what `placet policy fmt` prints by hand",
            code=Exit.FAILED,
        )


def _check_same(files: list[_File], located: "Located") -> None:
    """Refuse what would no longer be read: a text can grow beyond what is taken."""
    from placet.cli.exits import CommandRefused, Exit
    from placet.policy.text.directory import parse_directory
    from placet.policy.text.parse import Located, parse_located

    if located.files:
        again = parse_directory({one.name: one.after for one in files})
    else:
        again = parse_located(files[0].after, files[0].form)
    if not isinstance(again, Located) or again.contract != located.contract:
        raise CommandRefused(
            detail="in its usual form the contract is larger than what is read as one",
            remedy="share its tools between several agents",
            code=Exit.FAILED,
        )


def _replace(path: Path, text: bytes) -> None:
    """Write a file such that it has, at every moment, its old text or its new one."""
    from placet.cli.exits import CommandRefused, Exit

    try:
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "wb") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            shutil.copymode(path, name)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as fault:
        raise CommandRefused(
            detail=f"{path} cannot be written: {fault.strerror}",
            remedy="give this user the right to write to its folder",
            code=Exit.INFRASTRUCTURE,
        ) from fault


command = fmt
