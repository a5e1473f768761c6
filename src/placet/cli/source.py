"""`placet source`: the material that rules stem from."""

from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import url_option
from placet.cli.output import data_dir_option, give, json_option
from placet.cli.words import plain

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio
    from placet.studio.sources.model import AddSource, SourceAnswer, SourceSummary

_KINDS: Final = (
    "observed_runs",
    "prompt_snapshot",
    "tool_schemas",
    "uploaded_doc",
    "pasted_rules",
    "manual_note",
    "customer_correction",
)
_MEDIA: Final = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".md": "markdown",
    ".markdown": "markdown",
}
_BYTES_MAX: Final = 5 * 1024 * 1024
_EXAMPLES: Final = """\b
Examples:
  placet source add 0199… calls.jsonl --kind observed_runs --origin "the shop, Monday"
  placet source add 0199… handbook.md --kind uploaded_doc --origin "the refund team"
  placet source list 0199…
  placet source show 0199…
  placet source show 0199… --content > handbook.txt
"""


@click.group(name="source", epilog=_EXAMPLES)
def command() -> None:
    """Add material to a workspace, and see what is kept of it.

    Secrets and personal data are replaced before anything is stored. To let a source count for a
    draft: `placet draft add-source`. Needs your own API key in PLACET_API_KEY.
    """


@command.command()
@click.argument("workspace", type=click.UUID)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--kind", required=True, type=click.Choice(_KINDS), help="What sort of material.")
@click.option("--origin", required=True, help="Where it comes from: a system or a person.")
@click.option("--title", help="What it is called; the file's name if nothing is said.")
@click.option("--reference", help="Where in the origin: a page, a ticket, a path.")
@click.option(
    "--media",
    type=click.Choice(sorted({*_MEDIA.values(), "text"})),
    help="The form of the content; by the file's name if nothing is said.",
)
@url_option
@data_dir_option
@json_option
def add(  # noqa: PLR0913 -- one argument per option
    *,
    workspace: UUID,
    file: Path,
    kind: str,
    origin: str,
    title: str | None,
    reference: str | None,
    media: str | None,
    url: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Add FILE to WORKSPACE; the same content again is the same source."""
    import msgspec

    from placet.cli.desk import at_desk

    described: dict[str, object] = {
        "kind": kind,
        "title": title or file.name,
        "media_type": media or _MEDIA.get(file.suffix.lower(), "text"),
        "provenance": {"origin": origin, "reference": reference},
    }
    asked = _asked(described, _read(file))
    added = at_desk(url, data_dir, lambda studio: studio.sources.add(workspace, asked))
    give(msgspec.to_builtins(added), _line(added), as_json=as_json)


@command.command(name="list")
@click.argument("workspace", type=click.UUID)
@url_option
@data_dir_option
@json_option
def list_(*, workspace: UUID, url: str | None, data_dir: Path | None, as_json: bool) -> None:
    """List the sources of WORKSPACE, the oldest first."""
    import msgspec

    from placet.cli.desk import at_desk

    async def every(studio: "Studio") -> "list[SourceSummary]":
        return [item async for item in studio.sources.every(workspace)]

    found = at_desk(url, data_dir, every)
    text = "\n".join(map(_line, found)) or "no sources"
    give(msgspec.to_builtins(found), text, as_json=as_json)


@command.command()
@click.argument("source", type=click.UUID)
@click.option("--content", is_flag=True, help="Print what is stored, byte for byte, and no more.")
@url_option
@data_dir_option
@json_option
def show(
    *, source: UUID, content: bool, url: str | None, data_dir: Path | None, as_json: bool
) -> None:
    """Print what is kept of SOURCE: its parts, by which a rule can name it, and what was replaced.

    With --content the stored text itself, which may hold what a terminal obeys: write it to a file.
    """
    import msgspec

    from placet.cli.desk import at_desk

    if content:
        stored = at_desk(url, data_dir, lambda studio: studio.sources.content(source))
        click.echo(stored, nl=False)
        return
    found = at_desk(url, data_dir, lambda studio: studio.sources.get(source))
    give(msgspec.to_builtins(found), "\n".join(_lines(found)), as_json=as_json)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(_BYTES_MAX + 1)
    except OSError as fault:
        raise CommandRefused(
            detail=f"`{file}` cannot be read: {fault.strerror}",
            remedy="name a file of yours",
            code=Exit.NOT_FOUND,
        ) from fault
    if not data or len(data) > _BYTES_MAX:
        raise CommandRefused(
            detail=f"`{file}` is empty" if not data else f"`{file}` is larger than 5 MiB",
            remedy="add material of 1 byte to 5 MiB, a larger file in pieces",
        )
    return data


def _asked(described: dict[str, object], data: bytes) -> "AddSource":
    import base64

    import msgspec

    from placet.studio.sources.model import AddSource

    content = {"content": base64.b64encode(data).decode(), "encoding": "base64"}
    try:
        return msgspec.convert({**described, **content}, AddSource)
    except msgspec.ValidationError as fault:
        raise CommandRefused(
            detail=f"this is no source: {fault}", remedy="use a shorter title or origin"
        ) from fault


def _line(source: "SourceSummary") -> str:
    return (
        f"{source.source_id}  {source.security_status:<11}  {source.ingestion_status:<8}  "
        f"{source.kind:<19}  {plain(source.title)}"
    )


def _lines(source: "SourceAnswer") -> list[str]:
    lines = [
        f"source     {source.source_id} ({source.kind}, {source.media_type})",
        f"title      {plain(source.title)}",
        f"origin     {plain(source.provenance.origin)}",
        f"security   {source.security_status}, {source.finding_count} places replaced",
        f"ingestion  {source.ingestion_status}",
        f"content    {source.content_bytes:,} bytes, {source.line_count:,} lines",
        f"hash       {source.content_hash}",
    ]
    if source.quarantine_reason is not None:
        lines.append(f"because    {source.quarantine_reason}")
    if source.failure is not None:
        lines.append(f"because    line {source.failure_line or '?'}: {plain(source.failure)}")
    lines += [
        f"replaced   {one.kind} in the {one.place}, line {one.line}" for one in source.findings
    ]
    lines += [
        f"part       {part.part_id:<6} lines {part.first_line} to {part.last_line}  {part.kind}  "
        f"{plain(part.path or part.label or '')}"
        for part in source.parts
    ]
    return lines
