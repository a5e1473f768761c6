"""How long bodies are kept."""

from typing import Final

from placet.audit.erasures.model import StreamClass
from placet.audit.retention.model import (
    AuditRetention,
    PruneAnswer,
    RetentionAnswer,
    RunRetention,
    SetRetention,
)
from placet.sdk.studio.door import Door

_PATH: Final = "/audit/retention"


class Retention:
    """For how long bodies of closed streams are kept, and what is due."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def show(self) -> RetentionAnswer:
        """Return the policies, and where the closed streams stand."""
        return await self._door.get(_PATH, RetentionAnswer)

    async def set(
        self, stream_class: StreamClass, days: int | None, reason: str, *, key: str | None = None
    ) -> AuditRetention:
        """Keep bodies of closed streams of a class for so many days, or for ever."""
        asked = SetRetention(stream_class=stream_class, days=days, reason=reason)
        return await self._door.post(_PATH, AuditRetention, asked, key=key)

    async def run(self, *, key: str | None = None) -> PruneAnswer:
        """Erase now what is due. Refuses `retention_off` where no policy says anything."""
        return await self._door.post(f"{_PATH}/run", PruneAnswer, RunRetention(), key=key)
