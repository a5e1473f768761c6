"""Asks over HTTP: what people are asked, and their signed answers."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.replay.asks import store as asks
from placet.replay.sessions.policies import Policies
from placet.storage.database import Writing
from placet.studio.asks import editing, service
from placet.studio.asks.model import (
    AskEdited,
    AskListed,
    AskShown,
    AskVoteAnswer,
    CastAskVote,
    EditAsk,
)
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    answered,
    body_of,
    database_of,
    ids_of,
    kept_of,
    principal_of,
    query_of,
)

_VOTE: Final = msgspec.json.Decoder(CastAskVote)
_EDIT: Final = msgspec.json.Decoder(EditAsk)
_CALL: Final = "/api/v1/replay/sessions/{session_id:uuid}/calls/{call_id:uuid}"
_READERS: Final = (Scope.READ, Scope.APPROVE, Scope.OPERATE)


@get(
    "/api/v1/replay/asks",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[AskListed]),
)
async def list_asks(request: AppRequest) -> Response[bytes]:
    """List the calls that wait for people, the nearest deadline first, with cut arguments.

    What a kill of its agent, tool or tenant holds back is left out until that is lifted.
    """
    asked = query_of(request, PageQuery)
    after = None if asked.cursor is None else _after(asked.cursor)
    principal, policies = principal_of(request), kept_of(request, Policies)
    async with database_of(request).reading(principal) as tx:
        found = await asks.list_waiting(
            tx, principal, after=after, now=await tx.now(), limit=asked.limit + 1
        )
        items = await service.show_waiting(tx, principal, found[: asked.limit], policies)
    # What was erased is not shown, so a page may be short and its last call may not be in it.
    upto = found[asked.limit - 1] if len(found) > asked.limit else None
    last = None if upto is None else encode_cursor([str(upto.deadline_at), str(upto.call_id)])
    return answer(Page(items=items, next_cursor=last))


@get(f"{_CALL}/ask", opt=RouteOpt(scope=_READERS, answer=AskShown))
async def get_ask(
    request: AppRequest, session_id: FromPath[UUID], call_id: FromPath[UUID]
) -> Response[bytes]:
    """Return what is asked about a call: the view, who must say yes, and who has answered."""
    principal, policies = principal_of(request), kept_of(request, Policies)
    async with database_of(request).reading(principal) as tx:
        return answer(await service.show_ask(tx, principal, (session_id, call_id), policies))


@post(
    f"{_CALL}/vote",
    opt=RouteOpt(
        scope=Scope.APPROVE, body=CastAskVote, answer=AskVoteAnswer, status=201, keyed=True
    ),
)
async def vote_on_ask(
    request: AppRequest, session_id: FromPath[UUID], call_id: FromPath[UUID]
) -> Response[bytes]:
    """Hand in a signed vote on a call that waits, or on several calls of its step at once."""
    raw = await body_of(request)
    asked = bodies.decode(_VOTE, raw)
    principal, policies = principal_of(request), kept_of(request, Policies)

    async def work(tx: Writing) -> Answer:
        place = (session_id, call_id)
        value = await service.cast_vote(tx, principal, place, asked, policies, ids_of(request))
        return Answer(value=value, status=201)

    return await answered(request, raw, work)


@post(
    f"{_CALL}/edit",
    opt=RouteOpt(scope=Scope.APPROVE, body=EditAsk, answer=AskEdited, status=201, keyed=True),
)
async def edit_ask(
    request: AppRequest, session_id: FromPath[UUID], call_id: FromPath[UUID]
) -> Response[bytes]:
    """Put a call with other arguments in the place of one that waits. It is asked about anew."""
    raw = await body_of(request)
    asked = bodies.decode(_EDIT, raw)
    principal, policies = principal_of(request), kept_of(request, Policies)

    async def work(tx: Writing) -> Answer:
        place = (session_id, call_id)
        value = await editing.edit_ask(tx, principal, place, asked, policies, ids_of(request))
        return Answer(value=value, status=201)

    return await answered(request, raw, work)


def _after(cursor: str) -> tuple[datetime, UUID]:
    try:
        deadline, call_id = decode_cursor(cursor)
        at, last = datetime.fromisoformat(str(deadline)), UUID(str(call_id))
        # A time without a zone would be read in the zone of whichever machine is asked.
        found = None if at.tzinfo is None else (at.astimezone(UTC), last)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise MalformedQuery(
            detail="the cursor is not one that this service gave", parameter="cursor"
        )
    return found


HANDLERS = [list_asks, get_ask, vote_on_ask, edit_ask]
