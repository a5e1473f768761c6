"""Lost ranges over HTTP."""

from typing import Final

import msgspec
from litestar import Response, get, post

from placet.authority.recovery import service
from placet.authority.recovery.model import CloseRecovery, RecoveryList
from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.storage.database import Writing
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

_CLOSE: Final = msgspec.json.Decoder(CloseRecovery)
_RECOVERY: Final = "/api/v1/authority/recovery"


@get(
    _RECOVERY,
    opt=RouteOpt(scope=(Scope.READ, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN), answer=RecoveryList),
)
async def list_recoveries(request: AppRequest) -> Response[bytes]:
    """List what restores may have taken from the tenant, the latest first."""
    async with database_of(request).reading(principal_of(request)) as tx:
        return answer(await service.list_recoveries(tx))


@post(
    f"{_RECOVERY}/close",
    status_code=200,
    opt=RouteOpt(scope=Scope.OPERATE, body=CloseRecovery, answer=RecoveryList, keyed=True),
)
async def close_recovery(request: AppRequest) -> Response[bytes]:
    """Close what a restore left open, as an operator who has looked at it."""
    raw = await body_of(request)
    asked = bodies.decode(_CLOSE, raw)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await service.close_recovery(tx, asked, ids_of(request)))

    return await answered(request, raw, work)


HANDLERS = [list_recoveries, close_recovery]
