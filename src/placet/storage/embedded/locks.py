"""Locks on files, freed by the operating system when their holder dies."""

import fcntl
import os
from pathlib import Path
from typing import Self

from placet.storage.embedded.faults import FolderClosed


class FileLock:
    """A lock on a file. Each instance is a holder of its own, also within one process."""

    def __init__(self, path: Path) -> None:
        """Open the file, and make it where it is missing. Nothing is locked yet."""
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError as fault:
            raise FolderClosed(
                detail=f"`{path}` belongs to another user",
                remedy="run as the one who made the folder, or choose another with PLACET_DATA_DIR",
            ) from fault

    @property
    def is_open(self) -> bool:
        """Tell whether it was not yet closed."""
        return self._fd >= 0

    def exclusive(self) -> None:
        """Wait until nobody else holds it, and hold it alone."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def shared(self) -> None:
        """Hold it beside others, once nobody holds it alone."""
        fcntl.flock(self._fd, fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Hold it alone if nobody else holds it; a share that was held before is lost if not."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Free it. Calling twice does nothing."""
        if self.is_open:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        """Hold it alone until the end of the block."""
        self.exclusive()
        return self

    def __exit__(self, *_: object) -> None:
        """Free it."""
        self.close()
