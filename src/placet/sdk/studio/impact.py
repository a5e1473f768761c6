"""What a contract under review would have said, to what was recorded and to what happens now."""

from datetime import datetime
from typing import Final
from uuid import UUID

from placet.replay.recordings.model import CALLS_MAX
from placet.sdk.caller import path_of
from placet.sdk.retry import Patience
from placet.sdk.studio.door import Door
from placet.studio.impact.model import SECONDS_DEFAULT, ImpactAnswer, PreviewImpact
from placet.studio.shadow.model import ShadowAnswer

_IMPACT: Final = "/studio/snapshots/{id}/impact"
_SHADOW: Final = "/studio/snapshots/{id}/shadow"
_PATIENCE: Final = Patience(total=240.0, attempt=120.0)
"""A preview judges thousands of calls, and may have to wait for another one first."""


class Impact:
    """Previews of a snapshot over recorded calls, and its shadow beside what is in force."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door
        self._slow = Door(door.caller, _PATIENCE)

    async def preview(
        self,
        snapshot_id: UUID,
        *,
        seconds: int = SECONDS_DEFAULT,
        until: datetime | None = None,
        calls_max: int = CALLS_MAX,
        key: str | None = None,
    ) -> ImpactAnswer:
        """Hold a snapshot to what was recorded in the `seconds` before `until`, which is now.

        Raises `CandidateInvalid` with findings, `PreviewBusy`, `PreviewBroken` and
        `PreviewTooCostly`.
        """
        asked = PreviewImpact(seconds=seconds, until=until, calls_max=calls_max)
        return await self._slow.post(path_of(_IMPACT, id=snapshot_id), ImpactAnswer, asked, key=key)

    async def latest(self, snapshot_id: UUID) -> ImpactAnswer:
        """Return the latest preview of a snapshot. Raises `ImpactNotFound`."""
        return await self._door.get(path_of(_IMPACT, id=snapshot_id), ImpactAnswer)

    async def start_shadow(self, snapshot_id: UUID, *, key: str | None = None) -> ShadowAnswer:
        """Put a snapshot beside what is in force. Raises `NothingInForce` where nothing is."""
        return await self._door.post(path_of(_SHADOW, id=snapshot_id), ShadowAnswer, key=key)

    async def shadow(self, snapshot_id: UUID) -> ShadowAnswer:
        """Return the latest shadow of a snapshot, with its counts and its lag."""
        return await self._door.get(path_of(_SHADOW, id=snapshot_id), ShadowAnswer)

    async def stop_shadow(self, snapshot_id: UUID, *, key: str | None = None) -> ShadowAnswer:
        """End the shadow of a snapshot; its counts stay."""
        path = path_of(f"{_SHADOW}/stop", id=snapshot_id)
        return await self._door.post(path, ShadowAnswer, key=key)
