"""The file of a person's key: PKCS#8 under a passphrase, for its owner alone, never overwritten."""

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from placet.cli.exits import CommandRefused, Exit
from placet.cli.output import give, say

if TYPE_CHECKING:
    from placet.evidence.ed25519 import SigningKey

PASSPHRASE: Final = "PLACET_KEY_PASSPHRASE"  # noqa: S105 -- the variable's name
PASSPHRASE_MIN: Final = 8
_OTHERS_MAY: Final = 0o077


def make_and_tell(file: Path, *, as_json: bool) -> None:
    """Write a fresh key under a passphrase that is asked for, and print its public half."""
    key = make_key(file, new_passphrase())
    public = base64.b64encode(key.public.raw).decode()
    made = {"file": str(file), "key_id": key.key_id, "public_key": public}
    give(made, f"key id      {key.key_id}\npublic key  {public}", as_json=as_json)
    say(f"the key is in {file}; keep a copy of it and of its passphrase apart from each other")


def make_key(path: Path, passphrase: str) -> "SigningKey":
    """Write a fresh key to a new file. Raises `CommandRefused` if there is a file already."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from placet.evidence.ed25519 import SigningKey

    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as fault:
        raise CommandRefused(
            detail=f"`{path}` is there already, and a key is never overwritten",
            remedy="name a file that is not there",
        ) from fault
    except OSError as fault:
        raise CommandRefused(
            detail=f"`{path}` cannot be written: {fault.strerror}",
            remedy="name a file in a folder of yours",
        ) from fault
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return SigningKey(private.private_bytes_raw())


def load_key(path: Path) -> "SigningKey":
    """Return the key of a file, asking for its passphrase unless the environment has it.

    Raises `CommandRefused` for a file that others may read, that is no such key, or that another
    passphrase opens.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from placet.evidence.ed25519 import SigningKey

    text = _read(path)
    try:
        private = load_pem_private_key(text, _passphrase_of(path).encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise CommandRefused(
            detail=f"`{path}` holds no key that this passphrase opens",
            remedy="give the passphrase that the key was made with, or name the right file",
        ) from fault
    if not isinstance(private, Ed25519PrivateKey):
        raise CommandRefused(
            detail=f"`{path}` holds a key of another kind than Ed25519",
            remedy="make one with `placet person-key new`",
        )
    return SigningKey(private.private_bytes_raw())


def new_passphrase() -> str:
    """Return the passphrase for a new key, asked for twice unless the environment has it.

    Raises `CommandRefused` for a short one.
    """
    found = os.environ.get(PASSPHRASE)
    if found is None:
        found = str(
            click.prompt(
                "Passphrase for the new key", hide_input=True, confirmation_prompt=True, err=True
            )
        )
    if len(found) < PASSPHRASE_MIN:
        raise CommandRefused(
            detail=f"the passphrase has fewer than {PASSPHRASE_MIN} characters",
            remedy="take a longer one; it is all that protects a stolen file",
        )
    return found


def _passphrase_of(path: Path) -> str:
    found = os.environ.get(PASSPHRASE)
    if found is not None:
        return found
    return str(click.prompt(f"Passphrase of {path}", hide_input=True, err=True))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read()
    except OSError as fault:
        raise CommandRefused(
            detail=f"`{path}` cannot be read: {fault.strerror}",
            remedy="name the file that `placet person-key new` wrote",
            code=Exit.NOT_FOUND,
        ) from fault
    if mode & _OTHERS_MAY:
        raise CommandRefused(
            detail=f"others may read the key file `{path}`", remedy=f"chmod 600 {path}"
        )
    return text
