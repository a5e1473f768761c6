"""What restores may have taken from a tenant, and its closing."""

from typing import Final

from placet.authority.recovery.model import CloseRecovery, RecoveryList
from placet.sdk.studio.door import Door

_RECOVERY: Final = "/authority/recovery"


class Recovery:
    """The lost ranges of a tenant."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def get(self) -> RecoveryList:
        """Return every lost range, the latest first."""
        return await self._door.get(_RECOVERY, RecoveryList)

    async def close(self, *, epoch: int, reason: str, is_repeated: bool = False) -> RecoveryList:
        """Close what restores left open up to this epoch, the latest that was looked at.

        With the last one grants are as wide as before. `is_repeated` says that people have repeated
        every end of authority that was lost. Refuses `recovery_unfinished`.
        """
        asked = CloseRecovery(epoch=epoch, reason=reason, is_repeated=is_repeated)
        return await self._door.post(f"{_RECOVERY}/close", RecoveryList, asked)
