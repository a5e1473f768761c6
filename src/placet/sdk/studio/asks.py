"""Asks: calls of agents that wait until people say yes or no."""

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

import msgspec

from placet.evidence.ask_vote import AskDecision, AskedCall, AskVote, sign_ask_vote
from placet.evidence.dsse import encode_envelope
from placet.evidence.ed25519 import SigningKey
from placet.kernel.hashing import digest
from placet.kernel.paging import PAGE_DEFAULT, Page
from placet.replay.asks.model import AskView
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.sdk.studio.people import People
from placet.studio.asks.model import (
    AskEdited,
    AskListed,
    AskShown,
    AskVoteAnswer,
    CastAskVote,
    EditAsk,
)

_PATH: Final = "/replay/asks"
_CALL: Final = "/replay/sessions/{session}/calls/{call}"


class AskUnfaithful(ValueError):  # noqa: N818 -- it says what the service did, not that we erred
    """What the service shows of an ask is not one ask throughout; nothing was signed."""


class Asks:
    """What agents wait for, and the signed answers."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def get(self, session_id: UUID, call_id: UUID) -> AskShown:
        """Return what is asked about a call, also once it was answered."""
        path = path_of(f"{_CALL}/ask", session=session_id, call=call_id)
        return await self._door.get(path, AskShown)

    async def find(self, call_id: UUID) -> AskShown | None:
        """Return what is asked about a call that waits, whatever its session; else None."""
        async for listed in self.every():
            if listed.call_id == call_id:
                return await self.get(listed.session_id, call_id)
        return None

    async def page(
        self, *, cursor: str | None = None, limit: int = PAGE_DEFAULT
    ) -> Page[AskListed]:
        """Return one page of the calls that wait, the nearest deadline first."""
        return await self._door.page(_PATH, Page[AskListed], cursor=cursor, limit=limit)

    def every(self) -> AsyncIterator[AskListed]:
        """Yield every call that waits, the nearest deadline first."""
        return self._door.every(_PATH, Page[AskListed])

    async def vote(
        self,
        shown: Sequence[AskShown],
        decision: AskDecision,
        signing_key: SigningKey,
        *,
        reason: str | None = None,
        key: str | None = None,
    ) -> AskVoteAnswer:
        """Sign and hand in one vote on calls of one step, as they were `shown`.

        Nothing but what was looked at is signed: hashes are computed here, from the views. Raises
        `AskUnfaithful` where a view is about another call than the service says, `AskRefused` with
        every reason, and `AskClosed`.
        """
        me = await People(self._door).me()
        views = sorted((read_view(one) for one in shown), key=lambda view: view.call_id.bytes)
        first = shown[0]
        vote = AskVote(
            tenant_id=me.tenant_id,
            workspace_id=first.vote_fields.workspace_id,
            environment=first.environment,
            session_id=first.session_id,
            decision=decision,
            calls=tuple(
                AskedCall(
                    call_id=view.call_id,
                    arguments_hash=view.arguments_hash,
                    view_hash=hash_of(next(one for one in shown if one.call_id == view.call_id)),
                )
                for view in views
            ),
            reason=reason,
            voter_id=me.actor.actor_id,
            key_id=signing_key.key_id,
            latest_checkpoint=first.vote_fields.latest_checkpoint,
        )
        envelope = msgspec.Raw(encode_envelope(sign_ask_vote(vote, signing_key)))
        path = path_of(f"{_CALL}/vote", session=first.session_id, call=first.call_id)
        return await self._door.post(path, AskVoteAnswer, CastAskVote(envelope=envelope), key=key)

    async def edit(
        self, shown: AskShown, arguments: str, *, reason: str, key: str | None = None
    ) -> AskShown:
        """Put a call with other arguments, as JSON text, in the place of one that waits.

        Returns what is asked about the new call: it is to be voted on anew. `"[redacted]"` keeps a
        value that is not shown. Raises `EditRefused` with every reason, and `AskClosed`.
        """
        path = path_of(f"{_CALL}/edit", session=shown.session_id, call=shown.call_id)
        asked = EditAsk(arguments=arguments, reason=reason)
        return (await self._door.post(path, AskEdited, asked, key=key)).ask


def hash_of(shown: AskShown) -> str:
    """Return the hash of the view's own bytes, whatever the service says that it is."""
    return digest("ask_view", shown.view.encode()).hex()


def read_view(shown: AskShown) -> AskView:
    """Return the view that is shown of an ask.

    Raises `AskUnfaithful` where it is about another call, or, with nothing redacted, about other
    arguments than those whose hash it names.
    """
    try:
        view = msgspec.json.decode(shown.view, type=AskView)
    except msgspec.MsgspecError as fault:
        message = "the view cannot be read"
        raise AskUnfaithful(message) from fault
    if (view.session_id, view.call_id, view.environment) != (
        shown.session_id,
        shown.call_id,
        shown.environment,
    ):
        message = "the view is about another call"
        raise AskUnfaithful(message)
    hashed = digest("arguments", view.arguments.encode()).hex()
    if not view.redacted and hashed != view.arguments_hash:
        message = "the view shows other arguments than those that would run"
        raise AskUnfaithful(message)
    return view
