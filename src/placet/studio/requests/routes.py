"""Requests for approval over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.studio.requests import service
from placet.studio.requests.model import (
    RequestAnswer,
    RequestApproval,
    WithdrawRequest,
)
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
)

_REQUEST: Final = msgspec.json.Decoder(RequestApproval)
_WITHDRAW: Final = msgspec.json.Decoder(WithdrawRequest)


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
    "/api/v1/studio/approval-requests/{request_id:uuid}",
    opt=RouteOpt(
        scope=(Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN),
        answer=RequestAnswer,
    ),
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


HANDLERS = [request_approval, get_request, withdraw_request]
