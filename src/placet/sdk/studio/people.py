"""Who one is, and who else is in the tenant."""

from collections.abc import AsyncIterator
from typing import Final

from placet.kernel.ids import ActorId
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.tenancy.model import (
    Actor,
    CreateActor,
    GrantRole,
    IssueApiKey,
    IssuedApiKey,
    Me,
    RoleGrant,
)

_ACTORS: Final = "/tenancy/actors"


class People:
    """Actors, their roles and their API keys."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def me(self) -> Me:
        """Return whom the service takes this key for."""
        return await self._door.get("/tenancy/me", Me)

    async def create(self, actor: CreateActor, *, key: str | None = None) -> Actor:
        """Add a person, an agent or a service; needs an admin's key, as all that follows."""
        return await self._door.post(_ACTORS, Actor, actor, key=key)

    async def page(self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT) -> Page[Actor]:
        """Return one page of the tenant's actors in the order of their making."""
        return await self._door.page(_ACTORS, Page[Actor], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[Actor]:
        """Yield every actor of the tenant."""
        return self._door.every(_ACTORS, Page[Actor])

    async def disable(self, actor_id: ActorId, *, key: str | None = None) -> Actor:
        """Make every key of an actor count for nothing."""
        path = path_of(f"{_ACTORS}/{{id}}/disable", id=actor_id)
        return await self._door.post(path, Actor, key=key)

    async def grant_role(self, role: GrantRole, *, key: str | None = None) -> RoleGrant:
        """Give an actor a role. Keys already issued carry no more than before."""
        return await self._door.post("/tenancy/role-grants", RoleGrant, role, key=key)

    async def issue_key(self, wish: IssueApiKey, *, key: str | None = None) -> IssuedApiKey:
        """Issue an API key. Its text is in this answer and in no other, a repeated one included."""
        return await self._door.post("/tenancy/api-keys", IssuedApiKey, wish, key=key)
