"""The file of a program's key: 64 hexadecimal digits, for its owner alone, never overwritten.

Tool hosts and issuers sign with one: nobody is near to type a passphrase.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from placet.cli.exits import CommandRefused, Exit
from placet.cli.output import give, say

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
            remedy="name the file that `placet tool-host key` or `placet issuer key` wrote",
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
            remedy="name the file that `placet tool-host key` or `placet issuer key` wrote",
        ) from None


def make_and_tell(path: Path, registers: str, *, as_json: bool) -> None:
    """Make a key, and tell of it and of the command that takes its public half."""
    made = make_host_key(path)
    public = base64.b64encode(made.public.raw).decode()
    told = {"file": str(path), "key_id": made.key_id, "public_key": public}
    give(told, f"key id      {made.key_id}\npublic key  {public}", as_json=as_json)
    say(f"the key is in {path}; its public half goes to `{registers}`")


def public_half(key_file: Path | None, public_key: str | None, made_by: str) -> bytes:
    """Return the one public key that was given, by a file or in base64."""
    if (key_file is None) == (public_key is None):
        raise CommandRefused(
            detail="one key is registered at a time",
            remedy="give --key with its file, or --public-key with its public half",
        )
    if key_file is not None:
        return load_host_key(key_file).public.raw
    try:
        return base64.b64decode(public_key or "", validate=True)
    except (binascii.Error, ValueError) as fault:
        raise CommandRefused(
            detail="the public key is no base64",
            remedy=f"give what `{made_by}` printed",
            code=Exit.USAGE,
        ) from fault
