"""Impact previews over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.studio.impact import service
from placet.studio.impact.model import ImpactAnswer, PreviewImpact
from placet.studio.impact.service import Case, Computed, Previews
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answer,
    answered_apart,
    body_of,
    database_of,
    ids_of,
    kept_of,
    principal_of,
)

_PREVIEW: Final = msgspec.json.Decoder(PreviewImpact)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)


@post(
    "/api/v1/studio/snapshots/{snapshot_id:uuid}/impact",
    opt=RouteOpt(
        scope=(Scope.AUTHOR, Scope.APPROVE),
        body=PreviewImpact,
        answer=ImpactAnswer,
        status=201,
        keyed=True,
    ),
)
async def preview_impact(request: AppRequest, snapshot_id: FromPath[UUID]) -> Response[bytes]:
    """Hold a snapshot to recorded calls, and keep what would have been decided otherwise."""
    raw = await body_of(request)
    asked = bodies.decode(_PREVIEW, raw)
    previews = kept_of(request, Previews)

    async def prepare() -> tuple[Case, Computed]:
        async with previews.place():
            async with database_of(request).reading(principal_of(request)) as tx:
                case = await service.read_case(tx, snapshot_id, asked)
            return case, await service.compute(case, previews.workers)

    async def work(tx: Writing, prepared: tuple[Case, Computed]) -> Answer:
        preview = await service.keep_preview(tx, *prepared, ids_of(request))
        return Answer(value=service.shown(preview), status=201)

    return await answered_apart(request, raw, prepare, work)


@get(
    "/api/v1/studio/snapshots/{snapshot_id:uuid}/impact",
    opt=RouteOpt(scope=_READERS, answer=ImpactAnswer),
)
async def get_impact(request: AppRequest, snapshot_id: FromPath[UUID]) -> Response[bytes]:
    """Return the latest impact preview of a snapshot."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.show_impact(tx, snapshot_id))


HANDLERS = [preview_impact, get_impact]
