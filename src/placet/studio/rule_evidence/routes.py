"""Evidence over HTTP."""

from typing import Final
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.studio.rule_evidence import service
from placet.studio.rule_evidence.model import EvidenceAnswer
from placet.tenancy.entry import (
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    database_of,
    principal_of,
    query_of,
)

_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)


@get(
    "/api/v1/studio/approvals/{approval_id:uuid}/evidence",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[EvidenceAnswer]),
)
async def list_evidence(request: AppRequest, approval_id: FromPath[UUID]) -> Response[bytes]:
    """List what speaks for each rule of an approval and what against it, by rule."""
    asked = query_of(request, PageQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await service.show_evidence(tx, approval_id, after=after, limit=asked.limit + 1)
    shown = found[: asked.limit]
    cursor = encode_cursor([shown[-1].rule]) if len(found) > len(shown) else None
    return answer(Page(items=shown, next_cursor=cursor))


def _after(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    position = decode_cursor(cursor)
    if len(position) != 1 or not isinstance(position[0], str) or "\x00" in position[0]:
        raise MalformedQuery(detail="the cursor is not one that this list gave", parameter="cursor")
    return position[0]


HANDLERS = [list_evidence]
