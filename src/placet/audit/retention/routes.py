"""Retention over HTTP."""

from typing import Final

import msgspec
from litestar import Response, get, post

from placet.audit.retention import service
from placet.audit.retention.model import (
    AuditRetention,
    PruneAnswer,
    RetentionAnswer,
    RunRetention,
    SetRetention,
)
from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.storage.database import Writing
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answer,
    answered,
    answered_apart,
    body_of,
    database_of,
    ids_of,
    principal_of,
)

_SET: Final = msgspec.json.Decoder(SetRetention)
_RUN: Final = msgspec.json.Decoder(RunRetention)
_RETENTION: Final = "/api/v1/audit/retention"


@get(_RETENTION, opt=RouteOpt(scope=(Scope.AUDIT, Scope.ADMIN), answer=RetentionAnswer))
async def show_retention(request: AppRequest) -> Response[bytes]:
    """Show for how long bodies are kept, and where the closed streams stand."""
    return answer(await service.show_retention(database_of(request), principal_of(request)))


@post(
    _RETENTION,
    opt=RouteOpt(scope=Scope.ADMIN, body=SetRetention, answer=AuditRetention, keyed=True),
)
async def set_retention(request: AppRequest) -> Response[bytes]:
    """Set for how long bodies of closed streams of a class are kept."""
    raw = await body_of(request)
    asked = bodies.decode(_SET, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.set_retention(tx, asked, ids_of(request)))

    return await answered(request, raw, work)


@post(
    f"{_RETENTION}/run",
    opt=RouteOpt(scope=Scope.ADMIN, body=RunRetention, answer=PruneAnswer, keyed=True),
)
async def run_retention(request: AppRequest) -> Response[bytes]:
    """Erase now what is due by the policies, as far as one round goes."""
    raw = await body_of(request)
    bodies.decode(_RUN, raw)
    db, who, ids = database_of(request), principal_of(request), ids_of(request)

    async def prepare() -> PruneAnswer:
        async with db.reading(who) as tx:
            await service.check_policies(tx)
        return await service.prune(db, who, ids)

    async def work(tx: Writing, pruned: PruneAnswer) -> Answer:
        await service.tell_run(tx, pruned, ids)
        return Answer(value=pruned)

    return await answered_apart(request, raw, prepare, work)


HANDLERS = [show_retention, set_retention, run_retention]
