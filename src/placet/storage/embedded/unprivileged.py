"""Which user the server runs as, and what that user can reach."""

import os
import pwd
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from placet.kernel.value import Value
from placet.storage.embedded.faults import OWN_SERVER, FolderClosed, NoUnprivilegedUser

CANDIDATES: Final = ("postgres", "nobody")
_SHELL: Final = "/bin/sh"


class User(Value, frozen=True):
    """The user that the server runs as. `dropped`: it is another than ours."""

    name: str
    uid: int
    gid: int
    dropped: bool = False

    def options(self) -> dict[str, Any]:
        """Return the arguments that make `subprocess` run a program as this user."""
        if not self.dropped:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_user(cluster: Path, candidates: Iterable[str] | None = None) -> User:
    """Return who runs the server whose data are, or will be, in `cluster`.

    Anyone but root runs it themselves. Root leaves it to the owner of the data, and for new data
    to the first candidate that exists (`SUDO_USER`, `postgres`, `nobody`). Refuses
    `NoUnprivilegedUser` where there is none.
    """
    if os.geteuid() != 0:
        return _ourselves()
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        name = _name_of(owner.st_uid) or f"uid {owner.st_uid}"
        return User(name=name, uid=owner.st_uid, gid=owner.st_gid, dropped=True)
    for name in candidates or (os.environ.get("SUDO_USER", ""), *CANDIDATES):
        entry = _entry(name)
        if entry is not None and entry.pw_uid != 0:
            return User(name=name, uid=entry.pw_uid, gid=entry.pw_gid, dropped=True)
    raise NoUnprivilegedUser(
        detail="Postgres does not run as root, and this machine has no user `postgres` or `nobody`",
        remedy=f"add one (`useradd --system postgres`), run as an ordinary user, or {OWN_SERVER}",
    )


def check_reach(user: User, path: Path) -> None:
    """Refuse `FolderClosed` unless the user can enter `path`, through all that lies above it."""
    if not can_use(user, path):
        raise FolderClosed(
            detail=f"the user `{user.name}`, who must run Postgres, cannot enter `{path}`",
            remedy="choose one that it can enter with PLACET_DATA_DIR, for example below /var/lib",
        )


def can_use(user: User, path: Path) -> bool:
    """Tell whether the user can enter the folder, or run the program, at `path`."""
    if not user.dropped:
        return os.access(path, os.X_OK)
    # Asked of the kernel as that user: mode bits alone say nothing of groups and access lists.
    probe = subprocess.run(  # noqa: S603 -- a fixed script, the path as a word
        [_SHELL, "-c", 'test -x "$1"', "sh", str(path)], check=False, cwd="/", **user.options()
    )
    return probe.returncode == 0


def _ourselves() -> User:
    uid = os.geteuid()
    name = _name_of(uid)
    if name is None:
        raise NoUnprivilegedUser(
            detail=f"this process runs as user id {uid}, which has no entry in /etc/passwd, and"
            " Postgres does not make a cluster for such a user",
            remedy=f"give the user an entry, run as another, or {OWN_SERVER}",
        )
    return User(name=name, uid=uid, gid=os.getegid())


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name) if name else None
    except KeyError:
        return None
