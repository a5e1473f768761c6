"""Controls over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.authority.controls import rules, service, store
from placet.authority.controls.model import ControlInForce, ControlView, SetControl
from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.tenancy.entry import (
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    body_of,
    database_of,
    idempotency_key_of,
    ids_of,
    key_of,
    principal_of,
    query_of,
)

_SET: Final = msgspec.json.Decoder(SetControl)
_READERS: Final = (Scope.READ, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/authority/controls",
    opt=RouteOpt(
        scope=Scope.OPERATE,
        hot=True,
        body=SetControl,
        answer=ControlInForce,
        status=201,
        keyed=True,
    ),
)
async def set_control(request: AppRequest) -> Response[bytes]:
    """Put a control in force that reaches further than one session."""
    asked = bodies.decode(_SET, await body_of(request))
    key = idempotency_key_of(request)
    hot = database_of(request).hot
    made = await service.set_control(hot, ids_of(request), key_of(request), asked, key)
    return answer(made, 201)


@get(
    "/api/v1/authority/controls",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[ControlView]),
)
async def list_controls(request: AppRequest) -> Response[bytes]:
    """List the controls of the tenant, lifted ones too, the latest first."""
    asked = query_of(request, PageQuery)
    before = None if asked.cursor is None else _epoch_of(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_controls(tx, before=before, limit=asked.limit + 1)
    items = [rules.view_of(control) for control in found[: asked.limit]]
    cursor = encode_cursor([items[-1].set_epoch]) if len(found) > len(items) else None
    return answer(Page(items=items, next_cursor=cursor))


@get(
    "/api/v1/authority/controls/{control_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=ControlView),
)
async def get_control(request: AppRequest, control_id: FromPath[UUID]) -> Response[bytes]:
    """Return one control."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(rules.view_of(await store.get_control(tx, control_id)))


def _epoch_of(cursor: str) -> int:
    position = decode_cursor(cursor)
    if len(position) != 1 or not isinstance(position[0], int):
        raise MalformedQuery(
            detail="the cursor is not one that this service gave", parameter="cursor"
        )
    return position[0]


HANDLERS = [set_control, list_controls, get_control]
