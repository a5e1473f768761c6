"""How a command works at the desk: with the studio's client, and from one place for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.key import own_key, service_url

if TYPE_CHECKING:
    from placet.sdk.studio.client import Studio

T = TypeVar("T")

PATIENCE_SECONDS: Final = 3.0
ATTEMPT_SECONDS: Final = 30.0
"""Somebody waits at a terminal, and a source of 5 MiB may be on its way."""

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

    Raises the refusals of the service in their own classes, and `CommandRefused` where nobody
    answers.
    """
    import httpx

    from placet.kernel.refusals import GovernanceUnavailable
    from placet.sdk.studio.client import Studio
    from placet.sdk.transport import TransportError

    address = service_url(url, data_dir)

    async def done() -> T:
        from placet.sdk.retry import Patience

        patience = Patience(total=PATIENCE_SECONDS, attempt=ATTEMPT_SECONDS)
        async with Studio(address, own_key(), patience=patience) as studio:
            return await work(studio)

    try:
        return asyncio.run(done())
    except (GovernanceUnavailable, httpx.InvalidURL) as fault:
        is_away = isinstance(fault, httpx.InvalidURL) or isinstance(fault.__cause__, TransportError)
        if not is_away:
            raise
        why = fault.detail if isinstance(fault, GovernanceUnavailable) else fault
        raise CommandRefused(
            detail=f"no service of ours answers at {address}: {why}",
            remedy="start it with `placet up`, or correct the address",
            code=Exit.INFRASTRUCTURE,
        ) from fault


def write_file(file: Path, data: bytes) -> None:
    """Write a file as a whole or not at all. Raises `CommandRefused` where it cannot be written."""
    write_parts(file, [data])


def write_parts(file: Path, parts: Iterable[bytes]) -> int:
    """Write a file of these parts, whole or not at all, and return how many bytes it has.

    It is written beside its place first, under a name that nobody can have taken beforehand. Raises
    `CommandRefused` where it cannot be written, and whatever the parts raise.
    """
    import os
    import secrets

    aside = file.with_name(f".{file.name}.{secrets.token_hex(8)}.part")
    written = 0
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        with os.fdopen(descriptor, "wb") as whole:
            for part in parts:
                written += whole.write(part)
            whole.flush()
            os.fsync(whole.fileno())
        aside.replace(file)
    except OSError as fault:
        raise CommandRefused(
            detail=f"`{file}` cannot be written: {fault.strerror}",
            remedy="name a file in a folder of yours",
            code=Exit.INFRASTRUCTURE,
        ) from fault
    finally:
        aside.unlink(missing_ok=True)
    return written
