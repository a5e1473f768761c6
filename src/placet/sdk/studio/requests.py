"""Requests for approval, and the votes on them."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.dsse import Envelope, encode_envelope
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.requests.model import (
    RequestAnswer,
    RequestApproval,
    RequestStatus,
    RequestSummary,
    WithdrawRequest,
)
from placet.studio.votes.model import CastVote, SigningPlace, VoteAnswer, VoteList

_PATH: Final = "/studio/approval-requests"
_OF_WORKSPACE: Final = "/studio/workspaces/{id}/approval-requests"
_ONE: Final = f"{_PATH}/{{id}}"
_VOTES: Final = f"{_ONE}/votes"


class Requests:
    """The frozen views that people are asked to assent to."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def make(self, request: RequestApproval, *, key: str | None = None) -> RequestAnswer:
        """Ask the workspace's approvers for their assent to a snapshot."""
        return await self._door.post(_PATH, RequestAnswer, request, key=key)

    async def get(self, request_id: UUID) -> RequestAnswer:
        """Return one request: the frozen view, and exactly what is to be signed."""
        return await self._door.get(path_of(_ONE, id=request_id), RequestAnswer)

    async def page(
        self,
        workspace_id: UUID,
        *,
        status: RequestStatus | None = None,
        cursor: str | None = None,
        limit: int = PAGE_DEFAULT,
    ) -> Page[RequestSummary]:
        """Return one page of a workspace's requests, the newest first, of one status or all."""
        path = path_of(_OF_WORKSPACE, id=workspace_id)
        return await self._door.page(
            path, Page[RequestSummary], cursor=cursor, limit=limit, status=status
        )

    def every(
        self, workspace_id: UUID, *, status: RequestStatus | None = None
    ) -> AsyncIterator[RequestSummary]:
        """Yield every request of a workspace, the newest first, of one status or all."""
        path = path_of(_OF_WORKSPACE, id=workspace_id)
        return self._door.every(path, Page[RequestSummary], status=status)

    async def withdraw(
        self, request_id: UUID, reason: str, *, key: str | None = None
    ) -> RequestAnswer:
        """Take an open request back, as whoever made it or as an author of the draft."""
        path = path_of(f"{_ONE}/withdraw", id=request_id)
        return await self._door.post(path, RequestAnswer, WithdrawRequest(reason=reason), key=key)

    async def vote(
        self,
        request_id: UUID,
        envelope: Envelope,
        *,
        reason: str | None = None,
        signed_in: SigningPlace = SigningPlace.API,
        key: str | None = None,
    ) -> VoteAnswer:
        """Hand in a signed vote. Raises `ApprovalRefused` with every reason where it cannot count.

        The vote that meets the quorum puts the artifact in force before this returns. Say
        `signed_in` only as it was: whoever reads the votes goes by it.
        """
        raw = msgspec.Raw(encode_envelope(envelope))
        cast = CastVote(envelope=raw, reason=reason, signed_in=signed_in)
        return await self._door.post(path_of(_VOTES, id=request_id), VoteAnswer, cast, key=key)

    async def votes(self, request_id: UUID) -> VoteList:
        """Return the votes on a request in the order in which they were cast."""
        return await self._door.get(path_of(_VOTES, id=request_id), VoteList)
