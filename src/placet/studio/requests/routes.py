"""Requests for approval over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.storage.database import Writing
from placet.studio.requests import rules, service, store
from placet.studio.requests.model import (
    RequestAnswer,
    RequestApproval,
    RequestQuery,
    RequestSummary,
    WithdrawRequest,
)
from placet.studio.workspaces import store as workspaces
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answer,
    answered,
    body_of,
    database_of,
    ids_of,
    principal_of,
    query_of,
)

_REQUEST: Final = msgspec.json.Decoder(RequestApproval)
_WITHDRAW: Final = msgspec.json.Decoder(WithdrawRequest)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/studio/approval-requests",
    opt=RouteOpt(
        scope=(Scope.AUTHOR, Scope.APPROVE),
        body=RequestApproval,
        answer=RequestAnswer,
        status=201,
        keyed=True,
    ),
)
async def request_approval(request: AppRequest) -> Response[bytes]:
    """Ask the workspace's approvers for their assent to a snapshot."""
    raw = await body_of(request)
    asked = bodies.decode(_REQUEST, raw)

    async def work(tx: Writing) -> Answer:
        made = await service.request_approval(tx, asked, ids_of(request))
        return Answer(value=await service.show_request(tx, made.request_id), status=201)

    return await answered(request, raw, work)


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/approval-requests",
    opt=RouteOpt(scope=_READERS, query=RequestQuery, answer=Page[RequestSummary]),
)
async def list_requests(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """List the requests of a workspace as they count now, the newest first."""
    asked = query_of(request, RequestQuery)
    before = _before(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        workspace = await workspaces.get_workspace(tx, workspace_id)
        now = await tx.now()
        found = await store.list_requests(tx, workspace.workspace_id, asked, before=before, now=now)
    shown = [rules.as_it_counts(each, now) for each in found[: asked.limit]]
    cursor = encode_cursor([str(shown[-1].request_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


@get(
    "/api/v1/studio/approval-requests/{request_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=RequestAnswer),
)
async def get_request(request: AppRequest, request_id: FromPath[UUID]) -> Response[bytes]:
    """Return one request: the frozen view, and exactly what is to be signed."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_request(tx, request_id))


@post(
    "/api/v1/studio/approval-requests/{request_id:uuid}/withdraw",
    opt=RouteOpt(
        scope=(Scope.AUTHOR, Scope.APPROVE), body=WithdrawRequest, answer=RequestAnswer, keyed=True
    ),
)
async def withdraw_request(request: AppRequest, request_id: FromPath[UUID]) -> Response[bytes]:
    """Take an open request back, as whoever made it or as an author of the draft."""
    raw = await body_of(request)
    asked = bodies.decode(_WITHDRAW, raw)

    async def work(tx: Writing) -> Answer:
        await service.withdraw_request(tx, request_id, asked, ids_of(request))
        return Answer(value=await service.show_request(tx, request_id))

    return await answered(request, raw, work)


def _before(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        (position,) = decode_cursor(cursor)
        return UUID(str(position))
    except ValueError as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this list gave", parameter="cursor"
        ) from fault


HANDLERS = [request_approval, list_requests, get_request, withdraw_request]
