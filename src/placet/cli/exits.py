"""How a command ends: the table of exit codes, and what is said when it fails.

0    done
1    the check itself failed
2    the command was not understood, or a setting cannot be used
3    there is no such thing
4    something that the command needs is missing: the database, the service, a port, disk space
5    denied by policy
130  interrupted
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, Final

from placet.cli.words import as_text, plain
from placet.kernel import refusals
from placet.settings import SettingInvalid
from placet.storage.unusable import Unusable

_WHERE: Final = ("code", "path", "place", "tool", "tenant_id")
_SAID: Final = ("detail", "message", "summary", "flaw")
"""Members of a reason, a finding or a conflict: where it is, and what it says."""


class Exit(IntEnum):
    """An exit code."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    INFRASTRUCTURE = 4
    DENIED = 5
    INTERRUPTED = 130


class CommandRefused(Exception):  # noqa: N818 -- what the person at the terminal reads
    """A command cannot be done as it was asked."""

    def __init__(self, *, detail: str, remedy: str, code: Exit = Exit.USAGE) -> None:
        """Say what stands in the way, and what to do about it."""
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.code = code


Told = Unusable | SettingInvalid | CommandRefused | refusals.Refusal


def exit_of(fault: Told) -> Exit:
    """Return the code that a command ends with after this fault."""
    match fault:
        case CommandRefused():
            return fault.code
        case Unusable() | refusals.Unavailable() | refusals.Exhausted():
            return Exit.INFRASTRUCTURE
        case refusals.NotFound():
            return Exit.NOT_FOUND
        case SettingInvalid() | refusals.Malformed() | refusals.Invalid():
            return Exit.USAGE
        case _:
            return Exit.FAILED


def told(fault: Told, *, as_json: bool) -> str:
    """Return what is said of a fault, with every reason that it has, or one JSON object."""
    members: dict[str, Any] = {}
    if isinstance(fault, refusals.Refusal):
        code, remedy, members = fault.code(), fault.hint, fault.members()
    else:
        code, remedy = _snake(type(fault).__name__), fault.remedy
    if not as_json:
        lines = [f"error: {plain(fault.detail)}", *_listed(members)]
        return "\n".join([*lines, f"remedy: {plain(remedy)}"] if remedy else lines)
    problem: dict[str, Any] = {**members, "code": code, "detail": fault.detail, "remedy": remedy}
    return as_text({"error": problem, "exit": int(exit_of(fault))})


def _listed(members: dict[str, Any]) -> Iterator[str]:
    """Yield a line for each reason, finding or conflict among the members of a refusal."""
    for value in members.values():
        for one in value if isinstance(value, list) else ():
            if isinstance(one, dict):
                where = [str(one[name]) for name in _WHERE if one.get(name) is not None]
                said = [str(one[name]) for name in _SAID if one.get(name)]
                if where or said:
                    yield f"  - {plain(': '.join([*where, *said]))}"
            else:
                yield f"  - {plain(str(one))}"


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
