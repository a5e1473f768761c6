"""Our signing keys as files that only the service may read.

A file is 32 bytes of Ed25519 seed as 64 hexadecimal digits and a line end, mode 0600; `key_slots`
knows another form. It appears under its name whole or not at all, so two processes that start
together on an empty folder use the same key.
"""

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from placet.authority.unusable import KeyUnusable
from placet.evidence.ed25519 import SigningKey

_OTHERS_MAY: Final = 0o077
_ROOT: Final = 0
_DRAFTS: Final = ".*.key.????????"
"""What a key is called until it has its name."""


class KeyFileUnusable(KeyUnusable):
    """A file of our keys is not one that the service may sign with."""


def key_in(path: Path) -> SigningKey:
    """Return the key in a file, and make the file if it is missing. Blocking.

    Raises `KeyFileUnusable` with the remedy.
    """
    return find_key(path) or make_key(path)


def find_key(path: Path) -> SigningKey | None:
    """Return the key in a file, or None where there is no file. Raises `KeyFileUnusable`."""
    text = find_text(path)
    return None if text is None else key_of(path, text)


def find_text(path: Path) -> str | None:
    """Return what stands in a file that only the service may read, or None where there is none.

    Raises `KeyFileUnusable`.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except PermissionError as fault:
        raise _forbidden(path) from fault
    if mode & _OTHERS_MAY:
        raise KeyFileUnusable(
            detail=f"others may read the signing key `{path}`",
            remedy=f"chmod 600 {path}; if somebody may have read it, remove it for a new key",
        )
    try:
        return path.read_text("ascii").strip()
    except PermissionError as fault:
        raise _forbidden(path) from fault
    except (OSError, ValueError) as fault:
        raise no_key_in(path) from fault


def key_of(path: Path, text: str) -> SigningKey:
    """Return the key that stands in a file. Raises `KeyFileUnusable`."""
    try:
        return SigningKey(bytes.fromhex(text))
    except ValueError as fault:
        raise no_key_in(path) from fault


def make_key(path: Path) -> SigningKey:
    """Write a new key, and return the one that is there then: a twin's, if that was faster."""
    keep_text(path, SigningKey.generate().seed().hex())
    found = find_key(path)
    assert found is not None, path  # noqa: S101 -- it was linked, or a twin's was there
    return found


def keep_text(path: Path, text: str, *, is_anew: bool = False) -> None:
    """Write a file under another name, then give it its name unless a twin was faster.

    With `is_anew` it takes the place of one that is there. Made by root, it belongs to the owner of
    its folder, as whom the service runs.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    draft = Path(name)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        if os.geteuid() == _ROOT:
            owner = path.parent.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    if is_anew:
        draft.replace(path)
    else:
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    _sync(path.parent)


def take_over(ready: Path, current: Path) -> None:
    """Let the key that lay ready stand in the place of the current one, whose secret is gone."""
    ready.replace(current)
    _sync(current.parent)


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the keys of a folder while the block lasts. Blocking.

    Drafts of whoever died on the way are removed: one may be a second name of a key.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for draft in folder.glob(_DRAFTS):
            draft.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


def no_key_in(path: Path) -> KeyFileUnusable:
    """Return what is said of a file that holds something else than a key."""
    return KeyFileUnusable(
        detail=f"the file `{path}` holds no signing key",
        remedy="put the key back from a backup, or remove the file for a new key",
    )


def _forbidden(path: Path) -> KeyFileUnusable:
    return KeyFileUnusable(
        detail=f"this user may not read the signing key `{path}`",
        remedy=f"let the user that the service runs as own it: chown USER {path}; do not remove it",
    )


def _sync(folder: Path) -> None:
    """Let the names in a folder outlast a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
