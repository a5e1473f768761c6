"""Lifts over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.authority.controls import store as controls
from placet.authority.lifts import rules, service, store
from placet.authority.lifts.model import AskLift, ConfirmLift, LiftView
from placet.kernel import bodies
from placet.kernel.paging import Page, decode_ids, encode_cursor
from placet.kernel.principal import Scope
from placet.storage.database import Writing
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

_ASK: Final = msgspec.json.Decoder(AskLift)
_CONFIRM: Final = msgspec.json.Decoder(ConfirmLift)
_READERS: Final = (Scope.READ, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)
_LIFTS: Final = "/api/v1/authority/controls/{control_id:uuid}/lifts"


@post(
    _LIFTS, opt=RouteOpt(scope=Scope.OPERATE, body=AskLift, answer=LiftView, status=201, keyed=True)
)
async def ask_lift(request: AppRequest, control_id: FromPath[UUID]) -> Response[bytes]:
    """Ask, as an operator, for a control to be lifted."""
    raw = await body_of(request)
    asked = bodies.decode(_ASK, raw)

    async def work(tx: Writing) -> Answer:
        made = await service.ask_lift(tx, control_id, asked, ids_of(request))
        return Answer(value=made, status=201)

    return await answered(request, raw, work)


@post(
    "/api/v1/authority/lifts/{lift_id:uuid}/confirm",
    opt=RouteOpt(scope=Scope.OPERATE, body=ConfirmLift, answer=LiftView, keyed=True),
)
async def confirm_lift(request: AppRequest, lift_id: FromPath[UUID]) -> Response[bytes]:
    """Agree as the second operator: grants pass again from the answer on."""
    raw = await body_of(request)
    asked = bodies.decode(_CONFIRM, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.confirm_lift(tx, lift_id, asked, ids_of(request)))

    return await answered(request, raw, work)


@get(_LIFTS, opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[LiftView]))
async def list_lifts(request: AppRequest, control_id: FromPath[UUID]) -> Response[bytes]:
    """List who asked for a control to be lifted, and who agreed, the latest first."""
    asked = query_of(request, PageQuery)
    before = None if asked.cursor is None else decode_ids(asked.cursor)[0]
    async with database_of(request).reading(principal_of(request)) as tx:
        control = await controls.get_control(tx, control_id)
        found = await store.list_lifts(tx, control.control_id, before=before, limit=asked.limit + 1)
    items = [rules.view_of(lift) for lift in found[: asked.limit]]
    cursor = encode_cursor([str(items[-1].lift_id)]) if len(found) > len(items) else None
    return answer(Page(items=items, next_cursor=cursor))


HANDLERS = [ask_lift, confirm_lift, list_lifts]
