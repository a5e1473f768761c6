"""Shadows over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.studio.shadow import service
from placet.studio.shadow.model import ShadowAnswer
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answer,
    answered,
    database_of,
    ids_of,
    principal_of,
)

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)
_PATH: Final = "/api/v1/studio/snapshots/{snapshot_id:uuid}/shadow"


@post(_PATH, opt=RouteOpt(scope=Scope.AUTHOR, answer=ShadowAnswer, status=201, keyed=True))
async def start_shadow(request: AppRequest, snapshot_id: FromPath[UUID]) -> Response[bytes]:
    """Put a snapshot beside the artifact in force; nothing is enforced by it."""

    async def work(tx: Writing) -> Answer:
        await service.start_shadow(tx, snapshot_id, ids_of(request))
        return Answer(value=await service.show_shadow(tx, snapshot_id), status=201)

    return await answered(request, b"", work)


@get(_PATH, opt=RouteOpt(scope=_READERS, answer=ShadowAnswer))
async def get_shadow(request: AppRequest, snapshot_id: FromPath[UUID]) -> Response[bytes]:
    """Return the latest shadow of a snapshot: its counts, and how far it is behind."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_shadow(tx, snapshot_id))


@post(
    f"{_PATH}/stop",
    status_code=200,
    opt=RouteOpt(scope=(Scope.AUTHOR, Scope.OPERATE), answer=ShadowAnswer, keyed=True),
)
async def stop_shadow(request: AppRequest, snapshot_id: FromPath[UUID]) -> Response[bytes]:
    """End the shadow of a snapshot; its counts stay."""

    async def work(tx: Writing) -> Answer:
        await service.stop_shadow(tx, snapshot_id, ids_of(request))
        return Answer(value=await service.show_shadow(tx, snapshot_id))

    return await answered(request, b"", work)


HANDLERS = [start_shadow, get_shadow, stop_shadow]
