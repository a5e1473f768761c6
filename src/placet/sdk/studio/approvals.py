"""Approvals, and what they compiled to."""

from uuid import UUID

from placet.evidence.dsse import Envelope
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.approvals.model import ApprovalAnswer


class Approvals:
    """What was assented to, with the votes and keys that prove it."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def get(self, approval_id: UUID) -> ApprovalAnswer:
        """Return one approval with its proof."""
        return await self._door.get(
            path_of("/studio/approvals/{id}", id=approval_id), ApprovalAnswer
        )

    async def artifact(self, compiled_hash: str) -> Envelope:
        """Return a compiled artifact in its envelope, whose signature is still to be checked."""
        path = path_of("/authority/artifacts/{hash}", hash=compiled_hash)
        return await self._door.get(path, Envelope)
