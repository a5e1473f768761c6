"""The plan, as an agent fetches it at start-up and watches it for changes."""

import asyncio
from typing import Final

from litestar import Response, get

from placet.kernel.principal import Environment, Principal
from placet.kernel.refusals import MalformedQuery
from placet.plans import service
from placet.plans.lookups import store as lookups
from placet.plans.lookups.model import PlanLook, PlanQuestion
from placet.plans.lookups.rules import tag_of
from placet.plans.lookups.service import PlanLooks, PlanWaits, look_changed
from placet.plans.model import PlanAnswer, PlanQuery
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    etag_matches,
    kept_of,
    key_of,
    query_of,
    refuse_key,
)

_ASK_AGAIN: Final = "private, no-cache"
_GONE: Final = "http.disconnect"


@get(
    "/api/v1/governance/plan",
    opt=RouteOpt(
        scope=tuple(sorted(service.READERS)), hot=True, query=PlanQuery, answer=PlanAnswer
    ),
)
async def get_plan(request: AppRequest) -> Response[bytes]:
    """Return the plan of an agent in an environment, or 304 when the ETag still stands.

    With `wait` the 304 is held back for so many seconds, and the plan returned once it changes.
    """
    asked = await _asked(request)
    question = PlanQuestion(key=key_of(request), agent=asked.agent, environment=asked.environment)
    known = _known(await kept_of(request, PlanLooks).look(question), question, asked)
    if asked.wait and etag_matches(request, tag_of(known.stamp)):
        known = _known(await _waited(request, question, known, asked.wait), question, asked)
    tag = tag_of(known.stamp)
    if etag_matches(request, tag):
        return Response(content=b"", status_code=304, headers=_headers(tag))
    return await _whole(request, asked, known.principal)


async def _asked(request: AppRequest) -> PlanQuery:
    """Return what is asked. A key that speaks for nobody is told so before anything else."""
    try:
        return query_of(request, PlanQuery)
    except MalformedQuery:
        nothing = PlanQuestion(key=key_of(request), agent="", environment=Environment.DEVELOPMENT)
        found = await kept_of(request, PlanLooks).look(nothing)
        if isinstance(found, str):
            refuse_key(found, nothing.key)
        raise


def _known(found: PlanLook | str, question: PlanQuestion, asked: PlanQuery) -> PlanLook:
    if isinstance(found, str):
        refuse_key(found, question.key)
    service.check_look(found.principal, asked, is_there=found.plan_id is not None)
    return found


async def _waited(
    request: AppRequest, question: PlanQuestion, known: PlanLook, seconds: int
) -> PlanLook | str:
    """Wait for another plan, or for the client to go away."""
    looks, waits = kept_of(request, PlanLooks), kept_of(request, PlanWaits)
    changed = asyncio.ensure_future(look_changed(looks, waits, question, known, seconds))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({changed, gone}, return_when=asyncio.FIRST_COMPLETED)
        return await changed if changed.done() else known
    finally:
        changed.cancel()
        gone.cancel()


async def _gone(request: AppRequest) -> None:
    while (await request.receive())["type"] != _GONE:
        pass


async def _whole(request: AppRequest, asked: PlanQuery, principal: Principal) -> Response[bytes]:
    async with database_of(request).reading(principal) as tx:
        # Of one snapshot, so that the tag is the answer's.
        stamp = await lookups.get_stamp(tx, asked.agent, asked.environment)
        plan = await service.look_up_plan(tx, asked, principal)
    return answer(plan, headers=_headers(tag_of(stamp)))


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": _ASK_AGAIN}


HANDLERS = [get_plan]
