"""The file of pinned keys: those that a person compared with their holders, and trusts.

It is kept apart from what is verified with it. A file that others may write is not used.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.exits import CommandRefused, Exit

if TYPE_CHECKING:
    from placet.evidence.bundle import KeyList, NamedKey

PINS: Final = "PLACET_PINNED_KEYS"
_OTHERS_WRITE: Final = 0o022

pins_option = click.option(
    "--keys",
    "pins",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"File of the pinned keys.  [env: {PINS}; default: one in the user's own settings]",
)


def pins_file(given: Path | None) -> Path:
    """Return where the pinned keys are: as given, as the environment says, or the usual place."""
    if given is not None:
        return given
    if told := os.environ.get(PINS):
        return Path(told)
    return Path(click.get_app_dir("placet")) / "pinned-keys.json"


def read_pins(file: Path) -> "KeyList":
    """Return the pinned keys.

    Raises `CommandRefused` where there are none, where the file is no key list, or where others
    may write it.
    """
    import msgspec

    from placet.evidence.bundle import KeyList

    try:
        with file.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read()
    except OSError as fault:
        raise CommandRefused(
            detail=f"no keys are pinned: `{file}` cannot be read: {fault.strerror}",
            remedy="pin them with `placet keys pin`, after comparing them with their holders",
            code=Exit.NOT_FOUND,
        ) from fault
    if mode & _OTHERS_WRITE:
        raise CommandRefused(
            detail=f"others may write the pinned keys `{file}`", remedy=f"chmod go-w {file}"
        )
    try:
        return msgspec.json.decode(text, type=KeyList)
    except ValueError as fault:
        raise CommandRefused(
            detail=f"`{file}` is no key list: {fault}",
            remedy="name the file that `placet keys pin` wrote",
        ) from fault


def find_pins(file: Path) -> "KeyList":
    """Return the pinned keys, none of which is fine. Raises as `read_pins` does otherwise."""
    from placet.evidence.bundle import KeyList

    return read_pins(file) if file.exists() else KeyList(version=0, keys=())


def write_pins(file: Path, keys: "tuple[NamedKey, ...]", version: int) -> None:
    """Replace the pinned keys, in a file that its owner alone may write."""
    from placet.cli.desk import write_file
    from placet.evidence.bundle import KeyList
    from placet.kernel.canonical import canonical

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise CommandRefused(
            detail=f"`{file.parent}` cannot be made: {fault.strerror}",
            remedy="name a file in a folder of yours with --keys",
        ) from fault
    write_file(file, canonical(KeyList(version=version, keys=keys)) + b"\n")
    file.chmod(0o600)
