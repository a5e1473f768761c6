"""How a command works at the desk: with the studio's client, and from one place for all of them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import own_key, service_url

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio

T = TypeVar("T")

output_option = click.option(
    "-o",
    "--output",
    "file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; one that is there is replaced.",
)


def at_desk(url: str | None, data_dir: Path | None, work: "Callable[[Studio], Awaitable[T]]") -> T:
    """Return what `work` returns, done with the API key of the environment.

    Raises the refusals of the service in their own classes.
    """

    async def done() -> T:
        from placet.sdk.studio.client import Studio

        async with Studio(service_url(url, data_dir), own_key()) as studio:
            return await work(studio)

    return asyncio.run(done())


def write_file(file: Path, data: bytes) -> None:
    """Write a file as a whole or not at all. Raises `CommandRefused` where it cannot be written."""
    import os

    aside = file.with_name(f"{file.name}.part")
    try:
        with aside.open("wb") as part:
            part.write(data)
            part.flush()
            os.fsync(part.fileno())
        aside.replace(file)
    except OSError as fault:
        aside.unlink(missing_ok=True)
        raise CommandRefused(
            detail=f"`{file}` cannot be written: {fault.strerror}",
            remedy="name a file in a folder of yours",
            code=Exit.INFRASTRUCTURE,
        ) from fault
