"""Orphan receipts over HTTP."""

from typing import Final

import msgspec
from litestar import Response, get, post

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_ids, encode_cursor
from placet.kernel.principal import Scope
from placet.replay.orphans import service, store
from placet.replay.orphans.model import KeepOrphan, OrphanKept, OrphanView
from placet.replay.orphans.rules import Reporter, view_of
from placet.replay.sessions.policies import Policies
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
    kept_of,
    principal_of,
    query_of,
)

_ORPHANS: Final = "/api/v1/replay/orphans"
_KEEP: Final = msgspec.json.Decoder(KeepOrphan)


@post(
    _ORPHANS,
    opt=RouteOpt(scope=Scope.RUNTIME, body=KeepOrphan, answer=OrphanKept, status=201, keyed=True),
)
async def keep_orphan(request: AppRequest) -> Response[bytes]:
    """Keep the receipt of a call that is not known here, if its grant proves it."""
    raw = await body_of(request)
    asked = bodies.decode(_KEEP, raw)
    principal = principal_of(request)
    reporter = Reporter(
        tenant_id=principal.tenant_id,
        agent=principal.agent,
        environment=principal.environment,
    )

    async def work(tx: Writing) -> Answer:
        policies = kept_of(request, Policies)
        kept = await service.keep_orphan(tx, reporter, asked, policies, ids_of(request))
        return Answer(value=kept, status=201)

    return await answered(request, raw, work)


@get(
    _ORPHANS,
    opt=RouteOpt(
        scope=(Scope.READ, Scope.OPERATE, Scope.AUDIT), query=PageQuery, answer=Page[OrphanView]
    ),
)
async def list_orphans(request: AppRequest) -> Response[bytes]:
    """List the receipts of calls that nobody knows, the latest first.

    A key that is bound to an agent sees only that agent's.
    """
    asked = query_of(request, PageQuery)
    before = None if asked.cursor is None else decode_ids(asked.cursor)[0]
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        found = await store.list_orphans(tx, principal, before=before, limit=asked.limit + 1)
    items = [view_of(orphan) for orphan in found[: asked.limit]]
    cursor = encode_cursor([str(items[-1].receipt_id)]) if len(found) > len(items) else None
    return answer(Page(items=items, next_cursor=cursor))


HANDLERS = [keep_orphan, list_orphans]
