"""The tools that agents offer, as a list."""

from typing import Final

import msgspec
from litestar import Response, get

from placet.kernel.paging import decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery
from placet.plans.inventory import store
from placet.plans.inventory.model import InventoryPage, InventoryQuery, InventoryTool, ToolView
from placet.tenancy.entry import (
    AppRequest,
    RouteOpt,
    answer,
    database_of,
    principal_of,
    query_of,
)

HASH_LENGTH: Final = 64
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT)


@get(
    "/api/v1/governance/inventory",
    opt=RouteOpt(scope=_READERS, query=InventoryQuery, answer=InventoryPage),
)
async def list_inventory(request: AppRequest) -> Response[bytes]:
    """List the tools that an agent offers, each version with when it was seen first and last."""
    asked = query_of(request, InventoryQuery)
    after = _after(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_page(
            tx, asked.agent, asked.environment, after=after, limit=asked.limit + 1
        )
    shown = found[: asked.limit]
    last = shown[-1] if len(found) > len(shown) else None
    cursor = None if last is None else encode_cursor([last.tool, last.version_hash])
    return answer(InventoryPage(items=[_view(one) for one in shown], next_cursor=cursor))


def _view(version: InventoryTool) -> ToolView:
    return ToolView(
        tool=version.tool,
        version_hash=version.version_hash,
        description_hash=version.description_hash,
        schema_hash=version.schema_hash,
        input_schema=msgspec.Raw((version.input_schema or "null").encode()),
        first_seen_at=version.first_seen_at,
        last_seen_at=version.last_seen_at,
    )


def _after(cursor: str | None) -> tuple[str, str] | None:
    if cursor is None:
        return None
    match decode_cursor(cursor):
        case [str(tool), str(version_hash)] if _is_version(tool, version_hash):
            return tool, version_hash
    raise MalformedQuery(detail="the cursor is not one that this list gave", parameter="cursor")


def _is_version(tool: str, version_hash: str) -> bool:
    return len(version_hash) == HASH_LENGTH and "\x00" not in tool + version_hash


HANDLERS = [list_inventory]
