"""Enrolments: how a person comes to vote in a workspace, and how that ends."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.dsse import Envelope, encode_envelope
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.enrolments.model import (
    AskChallenge,
    AskEnrolment,
    ChallengeAnswer,
    ConfirmEnrolment,
    EnrolmentAnswer,
    RemoveApprover,
)
from placet.studio.workspaces.model import ApproverRemoval

_PATH: Final = "/authority/enrolments"


class Enrolments:
    """Who may vote in a workspace, and with which key."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def challenge(self, *, key: str | None = None) -> ChallengeAnswer:
        """Return a challenge; a proof of possession over it serves one enrolment."""
        return await self._door.post(
            "/authority/challenges", ChallengeAnswer, AskChallenge(), key=key
        )

    async def ask(self, wish: AskEnrolment, *, key: str | None = None) -> EnrolmentAnswer:
        """Ask to vote in a workspace with a key; approvers of that workspace confirm it."""
        return await self._door.post(_PATH, EnrolmentAnswer, wish, key=key)

    async def get(self, enrolment_id: UUID) -> EnrolmentAnswer:
        """Return an enrolment as it counts now, and what is to be signed about it."""
        return await self._door.get(path_of(f"{_PATH}/{{id}}", id=enrolment_id), EnrolmentAnswer)

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[EnrolmentAnswer]:
        """Return one page of the tenant's enrolments in the order of their asking."""
        return await self._door.page(_PATH, Page[EnrolmentAnswer], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[EnrolmentAnswer]:
        """Yield every enrolment of the tenant."""
        return self._door.every(_PATH, Page[EnrolmentAnswer])

    async def confirm(
        self, enrolment_id: UUID, envelope: Envelope, *, key: str | None = None
    ) -> EnrolmentAnswer:
        """Hand in an approver's signed word on an enrolment."""
        path = path_of(f"{_PATH}/{{id}}/confirmations", id=enrolment_id)
        word = ConfirmEnrolment(envelope=msgspec.Raw(encode_envelope(envelope)))
        return await self._door.post(path, EnrolmentAnswer, word, key=key)

    async def remove(
        self, workspace_id: UUID, actor_id: UUID, reason: str, *, key: str | None = None
    ) -> ApproverRemoval:
        """Take the right to vote in a workspace from an approver."""
        path = path_of(
            "/studio/workspaces/{id}/approvers/{actor}/remove", id=workspace_id, actor=actor_id
        )
        return await self._door.post(path, ApproverRemoval, RemoveApprover(reason=reason), key=key)
