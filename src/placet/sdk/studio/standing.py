"""Standing grants: a person's yes to calls that are yet to come."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.evidence.standing import Standing, sign_standing
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.policy.model import Rule
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.sdk.studio.people import People
from placet.studio.standing.model import (
    GiveStanding,
    RevokeStanding,
    StandingTerms,
    StandingView,
)

_PATH: Final = "/replay/standing-grants"


class StandingGrants:
    """What people say yes to beforehand, and what became of it."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def terms(self, workspace_id: UUID, tool: str) -> StandingTerms:
        """Return what a standing grant of a tool signs of the contract in force."""
        path = path_of(f"{_PATH}/terms/{{workspace}}/{{tool}}", workspace=workspace_id, tool=tool)
        return await self._door.get(path, StandingTerms)

    async def give(  # noqa: PLR0913 -- what is said yes to, each by its name
        self,
        terms: StandingTerms,
        arguments: Sequence[Rule],
        signing_key: SigningKey,
        *,
        uses: int,
        expires_at: datetime,
        reason: str,
        key: str | None = None,
    ) -> StandingView:
        """Sign and hand in a yes to so many calls with such arguments, until then.

        `terms` are those that were looked at. Raises `StandingRefused` with every reason.
        """
        me = await People(self._door).me()
        standing = Standing(
            standing_id=self._door.caller.ids.new(),
            tenant_id=me.tenant_id,
            workspace_id=terms.workspace_id,
            agent=terms.agent,
            environment=terms.environment,
            tool=terms.tool,
            arguments=tuple(arguments),
            schema_hash=terms.schema_hash,
            checkpoint_hash=terms.checkpoint_hash,
            uses=uses,
            expires_at=expires_at,
            reason=reason,
            granted_by=me.actor.actor_id,
            key_id=signing_key.key_id,
        )
        envelope = msgspec.Raw(encode_envelope(sign_standing(standing, signing_key)))
        return await self._door.post(_PATH, StandingView, GiveStanding(envelope=envelope), key=key)

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[StandingView]:
        """Return one page of standing grants, those that are over too, by their ids."""
        return await self._door.page(_PATH, Page[StandingView], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[StandingView]:
        """Yield every standing grant, those that are over too."""
        return self._door.every(_PATH, Page[StandingView])

    async def revoke(
        self, standing_id: UUID, *, reason: str, key: str | None = None
    ) -> StandingView:
        """End a standing grant for good. Raises `TransitionNotAllowed` for an ended one."""
        path = path_of(f"{_PATH}/{{standing}}/revoke", standing=standing_id)
        return await self._door.post(path, StandingView, RevokeStanding(reason=reason), key=key)
