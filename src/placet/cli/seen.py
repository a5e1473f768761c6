"""Which approvals this person was shown as in force, kept beside the pinned keys.

What is in force is the service's word: an approval that was replaced or revoked proves as well as
it did before. Whoever was once shown a later one is not shown an earlier one again.
"""

from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from placet.cli.exits import CommandRefused
from placet.kernel.value import Value

_SUFFIX: Final = ".seen"


class Seen(Value, frozen=True):
    """The number of each approval that was shown as in force, by its id."""

    approvals: dict[UUID, int] = msgspec.field(default_factory=dict)

    def why_not(self, approval_id: UUID, version: int) -> str | None:
        """Return why this approval cannot be in force now, or none."""
        if self.approvals.get(approval_id, version) != version:
            return f"it was number {self.approvals[approval_id]} before, and is {version} now"
        latest = max(self.approvals.values(), default=0)
        if version < latest:
            return f"it is number {version}, and number {latest} was in force when last looked at"
        if version == latest and approval_id not in self.approvals:
            return f"another approval was number {version} before"
        return None

    def with_one(self, approval_id: UUID, version: int) -> "Seen":
        """Return what was seen and this one."""
        return Seen(approvals={**self.approvals, approval_id: version})


def read_seen(pins: Path, workspace: UUID) -> Seen:
    """Return what was seen of a workspace. Raises `CommandRefused` for a file that is not ours."""
    return _every(_file(pins)).get(workspace, Seen())


def write_seen(pins: Path, workspace: UUID, seen: Seen) -> None:
    """Remember what was seen of a workspace. Raises `CommandRefused` where that cannot be."""
    from placet.cli.desk import write_file

    file = _file(pins)
    whole = {**_every(file), workspace: seen}
    write_file(file, msgspec.json.encode(whole) + b"\n")
    file.chmod(0o600)


def _file(pins: Path) -> Path:
    return pins.with_name(pins.name + _SUFFIX)


def _every(file: Path) -> dict[UUID, Seen]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[UUID, Seen])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as fault:
        raise CommandRefused(
            detail=f"`{file}`, which tells what was in force before, cannot be read: {fault}",
            remedy="look at it; without it an earlier approval is not told from the latest",
        ) from fault
