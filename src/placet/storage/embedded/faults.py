"""Why the embedded server cannot be had, and what an operator can do about it."""

from pathlib import Path

from placet.storage.unusable import Unusable

OWN_SERVER = "set PLACET_DATABASE_URL to a Postgres of your own"


class BinariesMissing(Unusable):
    """There are no Postgres binaries to run."""


class NoUnprivilegedUser(Unusable):
    """Postgres does not run as this user, and there is no other to run it as."""


class FolderClosed(Unusable):
    """A folder cannot be entered or written by the user who must."""


class OtherMajor(Unusable):
    """The data were written by another major version of Postgres."""


class PasswordsLost(Unusable):
    """The data are there and the file that holds their passwords is not."""


class DiskFull(Unusable):
    """There is no room to write."""


class StartFailed(Unusable):
    """Postgres did not start."""


class StillHeld(Unusable):
    """Another process uses the server."""


_FULL = ("No space left on device", "File too large", "Disk quota exceeded")


def failed(*, what: str, output: str, folder: Path) -> Unusable:
    """Return the fault that the output of a Postgres program tells of.

    `what` is the step that failed, `output` what the program wrote, `folder` where it writes.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if any(mark in line for line in lines for mark in _FULL):
        return DiskFull(
            detail=f"{what} failed: there is no room left to write below `{folder}`",
            remedy="free some space, or choose another folder with PLACET_DATA_DIR",
        )
    told = [line for line in lines if "FATAL:" in line or "error:" in line or "PANIC:" in line]
    last = (told or lines or ["it said nothing"])[-1]
    return StartFailed(
        detail=f"{what} failed: {last}",
        remedy=f"read what else it wrote in `{folder}`, or {OWN_SERVER}",
    )
