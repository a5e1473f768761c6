"""The plan, as an agent fetches it at start-up."""

from typing import Final

import msgspec
from litestar import Response, get

from placet.kernel.hashing import digest
from placet.kernel.principal import Scope
from placet.plans import service
from placet.plans.model import PlanAnswer, PlanQuery
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    etag_matches,
    principal_of,
    query_of,
)

_ASK_AGAIN: Final = "private, no-cache"


@get(
    "/api/v1/governance/plan",
    opt=RouteOpt(
        scope=(Scope.RUNTIME, Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT),
        query=PlanQuery,
        answer=PlanAnswer,
    ),
)
async def get_plan(request: AppRequest) -> Response[bytes]:
    """Return the plan of an agent in an environment, or 304 when the ETag still stands."""
    asked = query_of(request, PlanQuery)
    principal = principal_of(request)
    async with database_of(request).reading(principal) as tx:
        plan = await service.look_up_plan(tx, asked, principal)
    tag = f'"{digest("plan_answer", msgspec.json.encode(plan)).hex()}"'
    headers = {"ETag": tag, "Cache-Control": _ASK_AGAIN}
    if etag_matches(request, tag):
        return Response(content=b"", status_code=304, headers=headers)
    return answer(plan, headers=headers)


HANDLERS = [get_plan]
