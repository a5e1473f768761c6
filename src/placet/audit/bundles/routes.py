"""Bundles of evidence over HTTP."""

from typing import Final

from litestar import get
from litestar.response import Stream

from placet.audit.bundles import service
from placet.audit.bundles.model import BundleQuery, Wish
from placet.audit.bundles.rules import scope_of
from placet.authority.server_keys import ServerKeys
from placet.kernel.principal import Scope
from placet.replay.export.running import Exports, Width, in_place
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    database_of,
    ids_of,
    kept_of,
    principal_of,
    query_of,
)

BUNDLE_MEDIA: Final = "application/jsonl"


@get(
    "/api/v1/audit/bundles",
    # A checkpoint is signed: not on a database that is not what was witnessed of it.
    opt=RouteOpt(
        scope=Scope.AUDIT, query=BundleQuery, media=BUNDLE_MEDIA, answer=bytes, grants=True
    ),
)
async def export_bundle(request: AppRequest) -> Stream:
    """Export evidence for a verifier, one JSON document a line, with its place in the log.

    Of one session, one approval, a window of time, or the whole tenant. Who took what is an event
    of the tenant's before the first line leaves.
    """
    asked = query_of(request, BundleQuery)
    db, principal = database_of(request), principal_of(request)
    wish = Wish(scope=scope_of(asked), held_size=asked.checkpoint_size)
    keys = kept_of(request, ServerKeys)
    with kept_of(request, Exports).begin(principal.tenant_id, Width.AUDIT) as place:
        begun = await service.begin_export(db, principal, keys, ids_of(request), wish)
        lines = service.write_bundle(db, principal, begun, ids_of(request))
        return Stream(in_place(place, lines), media_type=BUNDLE_MEDIA)


HANDLERS = [export_bundle]
