"""Who may say for whom an agent acts."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

from placet.authority.issuers.model import IssuerView, RegisterIssuer, RevokeIssuer
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.kernel.principal import Environment
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door

_ISSUERS: Final = "/authority/issuers"


class Issuers:
    """The registered issuers, and the keys that they sign assertions with."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def add(
        self,
        name: str,
        *,
        agent: str,
        environment: Environment,
        public_key: bytes,
        key: str | None = None,
    ) -> IssuerView:
        """Register an issuer; what its key signs counts from the answer on."""
        asked = RegisterIssuer(
            name=name, agent=agent, environment=environment, public_key=public_key
        )
        return await self._door.post(_ISSUERS, IssuerView, asked, key=key)

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[IssuerView]:
        """Return one page of the registrations, ended ones too, the latest first."""
        return await self._door.page(_ISSUERS, Page[IssuerView], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[IssuerView]:
        """Yield every registration, ended ones too, the latest first."""
        return self._door.every(_ISSUERS, Page[IssuerView])

    async def revoke(self, issuer_id: UUID, reason: str, *, key: str | None = None) -> IssuerView:
        """End a registration: no session is opened on what its key signed from the answer on."""
        path = path_of(f"{_ISSUERS}/{{id}}/revoke", id=issuer_id)
        return await self._door.post(path, IssuerView, RevokeIssuer(reason=reason), key=key)
