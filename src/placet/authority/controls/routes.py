"""Controls over HTTP."""

import msgspec
from litestar import Response, post

from placet.authority.controls import service
from placet.authority.controls.model import ControlInForce, SetControl
from placet.kernel import bodies
from placet.kernel.principal import Scope
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    body_of,
    database_of,
    idempotency_key_of,
    ids_of,
    key_of,
)

_SET = msgspec.json.Decoder(SetControl)


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


HANDLERS = [set_control]
