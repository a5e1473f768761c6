"""The signed checkpoints of the transparency log, and what is proved against them."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from placet.authority.checkpoints.model import CheckpointView, ConsistencyView, InclusionView
from placet.evidence.vote import CheckpointSeen
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.kernel.refusals import NotFound
from placet.sdk.studio.door import Door

_CHECKPOINTS: Final = "/authority/checkpoints"


class Checkpoints:
    """Checkpoints to keep outside, and proofs."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def latest(self) -> CheckpointView:
        """Return the newest checkpoint. Refuses `not_found` before there is one."""
        return await self._door.get(f"{_CHECKPOINTS}/latest", CheckpointView)

    async def to_be_named(self) -> CheckpointSeen | None:
        """Return the newest checkpoint as a vote names it, or None before there is one."""
        try:
            newest = await self.latest()
        except NotFound:
            return None
        return CheckpointSeen(size=newest.size, root=newest.root)

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[CheckpointView]:
        """Return one page of the checkpoints, the newest first."""
        return await self._door.page(_CHECKPOINTS, Page[CheckpointView], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[CheckpointView]:
        """Yield every checkpoint, the newest first."""
        return self._door.every(_CHECKPOINTS, Page[CheckpointView])

    async def inclusion(self, stream_id: UUID, seq: int, size: int) -> InclusionView:
        """Prove that an event is among the first `size` entries. Refuses `not_found`."""
        return await self._door.get(
            "/authority/log/inclusion",
            InclusionView,
            stream_id=str(stream_id),
            seq=seq,
            size=size,
        )

    async def consistency(self, from_size: int, to_size: int) -> ConsistencyView:
        """Prove that the log of `from_size` is the beginning of that of `to_size`."""
        asked = {"from": from_size, "to": to_size}
        return await self._door.get("/authority/log/consistency", ConsistencyView, **asked)
