"""The data folder: what lies where, and the one file that remembers.

start.lock, holders.lock   who makes, starts or stops; who holds
postgres.json              port and passwords, readable by its owner alone
postgres/                  belongs to the user who runs the server
    data/                  the cluster
    log                    what the server writes
postgres-18.4/             a copy of the programs, where that user cannot reach the original
"""

import contextlib
import errno
import os
import shutil
from pathlib import Path
from typing import Final

import msgspec

from placet.kernel.value import Value
from placet.storage.embedded.faults import DiskFull, FolderClosed, PasswordsLost
from placet.storage.embedded.unprivileged import User, check_reach

LOG_BYTES_MAX: Final = 16 * 1024 * 1024
_FULL: Final = (errno.EFBIG, errno.ENOSPC, errno.EDQUOT)
_REMEDY: Final = "choose another folder with PLACET_DATA_DIR, or run as a user who may write there"


class Memory(Value, frozen=True):
    """What has to survive a restart. `roles_made`: the database and its roles are whole."""

    port: int
    passwords: dict[str, str]
    roles_made: bool = False


class Layout(Value, frozen=True):
    """The paths below one data folder, links resolved."""

    root: Path

    @property
    def home(self) -> Path:
        """Return the folder of the user who runs the server."""
        return self.root / "postgres"

    @property
    def data(self) -> Path:
        """Return the cluster's folder."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """Return the server's log."""
        return self.home / "log"

    @property
    def memory(self) -> Path:
        """Return the file that remembers port and passwords."""
        return self.root / "postgres.json"

    def lock(self, name: str) -> Path:
        """Return the lock file called `name`."""
        return self.root / f"{name}.lock"


def prepare(folder: Path) -> Layout:
    """Make the data folder where it is missing, and return its layout.

    Root's own folder may be entered, though not listed, by others if it is new or empty: that is
    how the server's user gets to what belongs to it. Nothing above is touched. Refuses
    `FolderClosed` where it cannot be made or is no folder, `DiskFull` where there is no room.
    """
    try:
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
        layout = Layout(root=folder.resolve(strict=True))
        is_empty = not any(layout.root.iterdir())
        if is_empty and os.geteuid() == 0 and layout.root.stat().st_uid == 0:
            layout.root.chmod(layout.root.stat().st_mode | 0o011)
    except OSError as fault:
        raise _refused(folder, fault) from fault
    return layout


def make_home(layout: Layout, user: User) -> None:
    """Make the folder in which the server lives. Refuses `FolderClosed` if its user cannot."""
    check_reach(user, layout.root)
    try:
        layout.home.mkdir(mode=0o700, exist_ok=True)
        if user.dropped:
            os.chown(layout.home, user.uid, user.gid)
    except OSError as fault:
        raise _refused(layout.home, fault) from fault


def read_memory(layout: Layout) -> Memory | None:
    """Return what was remembered, or None in a new folder. Refuses `PasswordsLost`."""
    try:
        return msgspec.json.decode(layout.memory.read_bytes(), type=Memory)
    except FileNotFoundError:
        if not layout.data.exists():
            return None
        found = "is gone"
    except PermissionError as fault:
        raise _refused(layout.memory, fault) from fault
    except msgspec.MsgspecError:
        found = "cannot be read"
    raise PasswordsLost(
        detail=f"`{layout.memory}`, which holds the passwords of the data beside it, {found}",
        remedy="put the file back from a backup, or start empty with `placet reset --yes`",
    )


def write_memory(layout: Layout, memory: Memory) -> None:
    """Remember, whole or not at all, in a file that its owner alone can read."""
    half = layout.memory.with_suffix(".tmp")
    try:
        half.unlink(missing_ok=True)
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(memory))
            file.flush()
            os.fsync(file.fileno())
        half.rename(layout.memory)
    except OSError as fault:
        raise _refused(half, fault) from fault


def remove(layout: Layout) -> None:
    """Remove the cluster, its passwords and the copied programs; leave everything else."""
    shutil.rmtree(layout.home, ignore_errors=True)
    for copy in layout.root.glob("postgres-*"):
        shutil.rmtree(copy, ignore_errors=True)
    layout.memory.unlink(missing_ok=True)


def trim_log(layout: Layout) -> None:
    """Keep one earlier log once the present one has grown large."""
    with contextlib.suppress(FileNotFoundError):
        if layout.log.stat().st_size > LOG_BYTES_MAX:
            layout.log.rename(layout.log.with_suffix(".old"))


def _refused(path: Path, fault: OSError) -> FolderClosed | DiskFull:
    if fault.errno in _FULL:
        return DiskFull(
            detail=f"there is no room left to write `{path}`",
            remedy="free some space, or choose another folder with PLACET_DATA_DIR",
        )
    return FolderClosed(detail=f"`{path}` cannot be used: {fault.strerror}", remedy=_REMEDY)
