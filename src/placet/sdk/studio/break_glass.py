"""Break-glass: putting in force, for an hour at most, what was approved to stand by."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import msgspec
from msgspec.structs import asdict

from placet.evidence.break_glass import BreakGlassVote, sign_break_glass
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.approvals import Approvals
from placet.sdk.studio.checkpoints import Checkpoints
from placet.sdk.studio.door import Door
from placet.sdk.studio.people import People
from placet.sdk.studio.requests import Requests
from placet.studio.break_glass.model import ActivationAnswer, EndActivation, SignActivation

_PATH: Final = "/studio/break-glass"
_ONE: Final = f"{_PATH}/{{id}}"
_OF_WORKSPACE: Final = "/studio/workspaces/{id}/break-glass"


class BreakGlass:
    """Activations: two operators sign, and a plan names for a while what stood by."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def open(
        self,
        approval_id: UUID,
        signing_key: SigningKey,
        *,
        minutes: int,
        reason: str,
        key: str | None = None,
    ) -> ActivationAnswer:
        """Sign and open an activation of what an approval lets stand by.

        It lapses unless another operator confirms it soon. Raises `BreakGlassRefused` with every
        reason where it cannot be.
        """
        approval = await Approvals(self._door).get(approval_id)
        request = await Requests(self._door).get(approval.request_id)
        me = await People(self._door).me()
        vote = BreakGlassVote(
            tenant_id=me.tenant_id,
            workspace_id=approval.workspace_id,
            environment=request.environment,
            activation_id=self._door.caller.ids.new(),
            approval_id=approval_id,
            artifact_hash=request.artifact_hash,
            minutes=minutes,
            reason=reason,
            voter_id=me.actor.actor_id,
            key_id=signing_key.key_id,
            latest_checkpoint=await Checkpoints(self._door).to_be_named(),
        )
        asked = _signed(vote, signing_key)
        return await self._door.post(_PATH, ActivationAnswer, asked, key=key)

    async def confirm(
        self, shown: ActivationAnswer, signing_key: SigningKey, *, key: str | None = None
    ) -> ActivationAnswer:
        """Sign what `shown` tells of an activation; it is in force once this returns.

        `shown` is what was looked at: nothing else is signed, whatever the service tells by now.
        """
        me = await People(self._door).me()
        vote = BreakGlassVote(
            **asdict(shown.vote_fields), voter_id=me.actor.actor_id, key_id=signing_key.key_id
        )
        path = path_of(f"{_ONE}/confirm", id=shown.activation_id)
        return await self._door.post(path, ActivationAnswer, _signed(vote, signing_key), key=key)

    async def end(
        self, activation_id: UUID, reason: str, *, key: str | None = None
    ) -> ActivationAnswer:
        """End an activation before its time; nothing is granted under it after this returns."""
        path = path_of(f"{_ONE}/end", id=activation_id)
        return await self._door.post(path, ActivationAnswer, EndActivation(reason=reason), key=key)

    async def get(self, activation_id: UUID) -> ActivationAnswer:
        """Return one activation as it counts now."""
        return await self._door.get(path_of(_ONE, id=activation_id), ActivationAnswer)

    async def page(
        self, workspace_id: UUID, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[ActivationAnswer]:
        """Return one page of a workspace's activations, the latest first."""
        path = path_of(_OF_WORKSPACE, id=workspace_id)
        return await self._door.page(path, Page[ActivationAnswer], cursor=cursor, limit=limit)

    def every(self, workspace_id: UUID) -> AsyncIterator[ActivationAnswer]:
        """Yield every activation of a workspace, the latest first."""
        return self._door.every(path_of(_OF_WORKSPACE, id=workspace_id), Page[ActivationAnswer])


def _signed(vote: BreakGlassVote, signing_key: SigningKey) -> SignActivation:
    envelope = sign_break_glass(vote, signing_key)
    return SignActivation(envelope=msgspec.Raw(encode_envelope(envelope)))
