"""The file of a tool host's key: 64 hexadecimal digits, for its owner alone, never overwritten."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from placet.cli.exits import CommandRefused, Exit

if TYPE_CHECKING:
    from placet.evidence.ed25519 import SigningKey

_OTHERS_MAY: Final = 0o077


def make_host_key(path: Path) -> "SigningKey":
    """Write a fresh key to a new file. Raises `CommandRefused` if there is a file already."""
    from placet.evidence.ed25519 import SigningKey

    key = SigningKey.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as fault:
        is_there = isinstance(fault, FileExistsError)
        why = "it is there already" if is_there else fault.strerror
        raise CommandRefused(
            detail=f"no key was written to `{path}`: {why}",
            remedy="name a file that is not there, in a folder of yours",
        ) from fault
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key.seed().hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return key


def load_host_key(path: Path) -> "SigningKey":
    """Return the key of a file. Raises `CommandRefused` for one that is none, or that others read.

    What stands in the file is never told.
    """
    from placet.evidence.ed25519 import SigningKey

    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(1024)
    except OSError as fault:
        raise CommandRefused(
            detail=f"`{path}` cannot be read: {fault.strerror}",
            remedy="name the file that `placet tool-host key` wrote",
            code=Exit.NOT_FOUND,
        ) from fault
    if mode & _OTHERS_MAY:
        raise CommandRefused(
            detail=f"others may read the key file `{path}`", remedy=f"chmod 600 {path}"
        )
    try:
        return SigningKey(bytes.fromhex(text.decode("ascii").strip()))
    except ValueError:
        raise CommandRefused(
            detail=f"`{path}` holds no key of a tool host",
            remedy="name the file that `placet tool-host key` wrote",
        ) from None
