"""Streams of events as files."""

from typing import Final
from uuid import UUID

from placet.audit.streams.model import ImportAnswer, ImportStream
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door

_EXPORT: Final = "/audit/streams/{id}/export"
_IMPORT: Final = "/audit/streams/import"


class Streams:
    """Any stream as a file, and a run's stream out of one."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def export(self, stream_id: UUID) -> bytes:
        """Return a stream as a bundle of itself, still to be verified."""
        return await self._door.get_bytes(path_of(_EXPORT, id=stream_id))

    async def bring_in(self, data: bytes, *, key: str | None = None) -> ImportAnswer:
        """Bring in an exported stream of a run as a new one, with its ids, types and bodies.

        Bytes that are no UTF-8 raise `UnicodeDecodeError`.
        """
        return await self._door.post(
            _IMPORT, ImportAnswer, ImportStream(lines=data.decode()), key=key
        )
