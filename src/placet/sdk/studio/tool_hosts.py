"""Who runs tools, and whose signed word on a call counts."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Literal
from uuid import UUID

from placet.authority.tool_hosts.model import RegisterToolHost, RevokeToolHost, ToolHostView
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.kernel.principal import Environment
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door

_HOSTS: Final = "/authority/tool-hosts"


class ToolHosts:
    """The registered hosts of tools, and the keys that they sign receipts with."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def add(  # noqa: PLR0913 -- what is said of a host, each by its name
        self,
        name: str,
        *,
        environment: Environment,
        strength: Literal["proxied", "verified"],
        tools: Sequence[str],
        public_key: bytes,
        key: str | None = None,
    ) -> ToolHostView:
        """Register a host; what its key signs counts from the answer on."""
        asked = RegisterToolHost(
            name=name,
            environment=environment,
            strength=strength,
            tools=list(tools),
            public_key=public_key,
        )
        return await self._door.post(_HOSTS, ToolHostView, asked, key=key)

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[ToolHostView]:
        """Return one page of the registrations, ended ones too, the latest first."""
        return await self._door.page(_HOSTS, Page[ToolHostView], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[ToolHostView]:
        """Yield every registration, ended ones too, the latest first."""
        return self._door.every(_HOSTS, Page[ToolHostView])

    async def revoke(self, host_id: UUID, reason: str, *, key: str | None = None) -> ToolHostView:
        """End a registration: nothing that its key signed counts from the answer on."""
        path = path_of(f"{_HOSTS}/{{id}}/revoke", id=host_id)
        return await self._door.post(path, ToolHostView, RevokeToolHost(reason=reason), key=key)
