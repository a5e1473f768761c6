"""Break-glass over HTTP."""

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
from placet.studio.break_glass import service, store
from placet.studio.break_glass.model import ActivationAnswer, EndActivation, SignActivation
from placet.studio.workspaces import store as workspaces
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
    principal_of,
    query_of,
)

_SIGN: Final = msgspec.json.Decoder(SignActivation)
_END: Final = msgspec.json.Decoder(EndActivation)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/studio/break-glass",
    opt=RouteOpt(
        scope=Scope.OPERATE, body=SignActivation, answer=ActivationAnswer, status=201, keyed=True
    ),
)
async def open_activation(request: AppRequest) -> Response[bytes]:
    """Ask, as an operator, to put in force for a while what an approval lets stand by."""
    raw = await body_of(request)
    asked = bodies.decode(_SIGN, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.open_activation(tx, asked, ids_of(request)), status=201)

    return await answered(request, raw, work)


@post(
    "/api/v1/studio/break-glass/{activation_id:uuid}/confirm",
    opt=RouteOpt(scope=Scope.OPERATE, body=SignActivation, answer=ActivationAnswer, keyed=True),
)
async def confirm_activation(request: AppRequest, activation_id: FromPath[UUID]) -> Response[bytes]:
    """Agree as the second operator: what stood by is in force from the answer on."""
    raw = await body_of(request)
    asked = bodies.decode(_SIGN, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(
            value=await service.confirm_activation(tx, activation_id, asked, ids_of(request))
        )

    return await answered(request, raw, work)


@post(
    "/api/v1/studio/break-glass/{activation_id:uuid}/end",
    opt=RouteOpt(
        scope=(Scope.OPERATE, Scope.APPROVE),
        body=EndActivation,
        answer=ActivationAnswer,
        keyed=True,
    ),
)
async def end_activation(request: AppRequest, activation_id: FromPath[UUID]) -> Response[bytes]:
    """End an activation before its time, as one of its operators or an approver there."""
    raw = await body_of(request)
    asked = bodies.decode(_END, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.end_activation(tx, activation_id, asked, ids_of(request)))

    return await answered(request, raw, work)


@get(
    "/api/v1/studio/break-glass/{activation_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=ActivationAnswer),
)
async def get_activation(request: AppRequest, activation_id: FromPath[UUID]) -> Response[bytes]:
    """Return one activation as it counts now, and what the second operator is to sign."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_activation(tx, activation_id))


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/break-glass",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[ActivationAnswer]),
)
async def list_activations(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """List the activations of a workspace, the latest ids first, each as it counts now."""
    asked = query_of(request, PageQuery)
    before = _before(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        workspace = await workspaces.get_workspace(tx, workspace_id)
        found = await store.list_activations(
            tx, workspace.workspace_id, before=before, limit=asked.limit + 1
        )
        shown = await service.show_activations(tx, found[: asked.limit])
    cursor = encode_cursor([str(shown[-1].activation_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


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


HANDLERS = [
    open_activation,
    confirm_activation,
    end_activation,
    get_activation,
    list_activations,
]
