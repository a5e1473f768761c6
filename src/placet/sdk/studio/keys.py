"""The keys whose signatures count, and the end of a person's."""

from placet.authority.model import KeyList, KeyRevocation, RevokeKey
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door


class Keys:
    """The service's keys, people's keys, and which of theirs ended."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def known(self) -> KeyList:
        """Return every key that was ever listed in this tenant. What it says is to be compared.

        With a key that has the scope `runtime` alone, those of the service.
        """
        return await self._door.get("/authority/keys", KeyList)

    async def revoke(self, key_id: str, reason: str, *, key: str | None = None) -> KeyRevocation:
        """End a person's key, one's own or as an admin anybody's. There is no way back."""
        path = path_of("/authority/person-keys/{id}/revoke", id=key_id)
        return await self._door.post(path, KeyRevocation, RevokeKey(reason=reason), key=key)
