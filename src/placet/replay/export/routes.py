"""Bundles of evidence over HTTP."""

from uuid import UUID

from litestar import get
from litestar.params import FromPath
from litestar.response import Stream

from placet.kernel.principal import Scope
from placet.replay.export import service
from placet.replay.export.running import Exports, Width, in_place
from placet.replay.sessions.views import check_reach
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    database_of,
    kept_of,
    principal_of,
)

BUNDLE_MEDIA = "application/jsonl"
_SESSION = "/api/v1/replay/sessions/{session_id:uuid}"


@get(
    f"{_SESSION}/bundle",
    opt=RouteOpt(scope=(Scope.READ, Scope.AUDIT), media=BUNDLE_MEDIA, answer=bytes),
)
async def export_session(request: AppRequest, session_id: FromPath[UUID]) -> Stream:
    """Export a session's evidence for a verifier: one JSON document a line."""
    principal = principal_of(request)
    with kept_of(request, Exports).begin(principal.tenant_id, Width.SESSION) as place:
        async with database_of(request).reading(principal) as tx:
            await check_reach(tx, principal, session_id)
            heads = await service.session_heads(tx, session_id)
        lines = service.write_bundle(database_of(request), principal, heads)
        return Stream(in_place(place, lines), media_type=BUNDLE_MEDIA)


@get(
    "/api/v1/replay/bundle",
    opt=RouteOpt(scope=Scope.AUDIT, media=BUNDLE_MEDIA, answer=bytes),
)
async def export_tenant(request: AppRequest) -> Stream:
    """Export the evidence of every stream of the tenant."""
    principal = principal_of(request)
    with kept_of(request, Exports).begin(principal.tenant_id, Width.AUDIT) as place:
        async with database_of(request).reading(principal) as tx:
            heads = await service.tenant_heads(tx)
        lines = service.write_bundle(database_of(request), principal, heads)
        return Stream(in_place(place, lines), media_type=BUNDLE_MEDIA)


HANDLERS = [export_session, export_tenant]
