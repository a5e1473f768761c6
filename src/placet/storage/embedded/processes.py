"""What runs in a data folder, as the operating system tells it."""

import os
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


class Postmaster:
    """The pid file that Postgres keeps in its data folder, as read at one moment."""

    def __init__(self, data: Path) -> None:
        """Read `postmaster.pid`; a missing or half-written file is one of nobody."""
        try:
            lines = (data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            lines = []
        self.pid = _number(lines, 0)
        self.port = _number(lines, 3)
        self.ready = len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004 -- the eighth line is the status
        self.exists = bool(lines)


def is_server_of(pid: int, data: Path) -> bool:
    """Tell whether process `pid` lives, is no zombie, and works in `data`."""
    if not _PROC.is_dir():
        return _answers_signals(pid)
    return pid > 0 and _folder_of(pid) == data


def is_gone(pid: int) -> bool:
    """Tell whether process `pid` runs no more: it has ended, whether or not it was waited for."""
    if not _PROC.is_dir():
        return not _answers_signals(pid)
    try:
        status = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] in "ZX"


def standing_in(data: Path) -> list[int]:
    """Return the processes whose working folder is `data`."""
    if not _PROC.is_dir():
        pid = Postmaster(data).pid
        return [pid] if pid and _answers_signals(pid) else []
    pids = (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _folder_of(pid) == data]


def _folder_of(pid: int) -> Path | None:
    try:
        return (_PROC / str(pid) / "cwd").readlink()
    except OSError:  # gone, a zombie, or somebody else's
        return None


def _answers_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def _number(lines: list[str], index: int) -> int:
    text = lines[index].strip() if len(lines) > index else ""
    return int(text) if text.isdigit() else 0
