"""The keys whose grants count at a host, and since when they are known."""

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from placet.evidence.bundle import KeyList, KeyPurpose
from placet.evidence.ed25519 import PublicKey
from placet.kernel.value import Value

_OTHERS_WRITE = 0o022


class KeysUnreadable(Exception):  # noqa: N818 -- the host says no, and is right
    """The keys cannot be read, so no grant can be checked."""


class TrustedKeys(Value, frozen=True):
    """Grant keys, and when somebody last made sure that they still count."""

    keys: tuple[PublicKey, ...]
    as_of: datetime


class KeySource(Protocol):
    """Where a host takes its keys from."""

    def current(self) -> TrustedKeys:
        """Return the keys as they are known now. Raises `KeysUnreadable`."""
        ...


class GivenKeys:
    """Keys that the host's own program brings along; it makes a new one when they change."""

    def __init__(self, *keys: PublicKey, as_of: datetime) -> None:
        """Take grant keys, and when they were last known to count."""
        self._trusted = TrustedKeys(keys=keys, as_of=as_of)

    def current(self) -> TrustedKeys:
        """Return them."""
        return self._trusted


class KeyFile:
    """The file that `placet keys pin` writes; its age is the time of its last change.

    It is read again whenever it changed. A file that others may write is not trusted.
    """

    def __init__(self, file: Path) -> None:
        """Take the file; nothing is read yet."""
        self._file = file
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int, int], TrustedKeys] | None = None

    def __repr__(self) -> str:
        """Show which file."""
        return f"KeyFile({str(self._file)!r})"

    def current(self) -> TrustedKeys:
        """Return the file's grant keys. Raises `KeysUnreadable` where there is no such list."""
        try:
            with self._file.open("rb") as stream:
                state = os.fstat(stream.fileno())
                version = (state.st_ino, state.st_mtime_ns, state.st_size)
                with self._lock:
                    if self._read is None or self._read[0] != version:
                        self._read = version, _trusted(stream.read(), state)
                    return self._read[1]
        except OSError as fault:
            message = f"the keys in `{self._file}` cannot be read: {fault.strerror}"
            raise KeysUnreadable(message) from fault
        except ValueError as fault:
            message = f"`{self._file}` is no list of keys to trust: {fault}"
            raise KeysUnreadable(message) from fault


def _trusted(text: bytes, state: os.stat_result) -> TrustedKeys:
    if state.st_mode & _OTHERS_WRITE:
        message = "others may write it"
        raise ValueError(message)
    listed = msgspec.json.decode(text, type=KeyList).keys
    return TrustedKeys(
        keys=tuple(key.checked() for key in listed if key.purpose is KeyPurpose.GRANT),
        as_of=datetime.fromtimestamp(state.st_mtime, UTC),
    )
