"""Proposals over HTTP."""

from typing import Final
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from placet.kernel import bodies
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.storage.database import Writing
from placet.studio.inferred_rules import service
from placet.studio.inferred_rules.model import Inferred, InferredRuleAnswer, InferRules
from placet.studio.inferred_rules.service import Inferences, Suggested
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    answered_apart,
    body_of,
    database_of,
    ids_of,
    kept_of,
    principal_of,
    query_of,
)

_INFER: Final = msgspec.json.Decoder(InferRules)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.AUDIT, Scope.ADMIN)
_PATH: Final = "/api/v1/studio/drafts/{draft_id:uuid}/inferred-rules"


@post(
    _PATH,
    opt=RouteOpt(scope=Scope.AUTHOR, body=InferRules, answer=Inferred, status=201, keyed=True),
)
async def infer_rules(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """Look at what the sources of a draft suggest, and keep it as proposals."""
    raw = await body_of(request)
    asked = bodies.decode(_INFER, raw)

    async def prepare() -> Suggested:
        return await _suggested(request, draft_id)

    async def work(tx: Writing, suggested: Suggested) -> Answer:
        return Answer(value=await service.keep(tx, suggested, asked, ids_of(request)), status=201)

    return await answered_apart(request, raw, prepare, work)


async def _suggested(request: AppRequest, draft_id: UUID) -> Suggested:
    async with kept_of(request, Inferences).place():
        async with database_of(request).reading(principal_of(request)) as reading:
            looked = await service.look(reading, draft_id)
        return await service.suggest(looked)


@get(_PATH, opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[InferredRuleAnswer]))
async def list_inferred_rules(request: AppRequest, draft_id: FromPath[UUID]) -> Response[bytes]:
    """List the proposals from the sources that a draft counts, and what was decided on each."""
    asked = query_of(request, PageQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await service.list_rules(tx, draft_id, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    cursor = encode_cursor([str(shown[-1].inferred_rule_id)]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


def _after(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        (position,) = decode_cursor(cursor)
        return UUID(str(position))
    except ValueError as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this list gave", parameter="cursor"
        ) from fault


HANDLERS = [infer_rules, list_inferred_rules]
