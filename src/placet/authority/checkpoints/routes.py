"""Checkpoints and proofs over HTTP: whatever anybody needs to hold the log to its word."""

from typing import Final

from litestar import Response, get

from placet.authority.checkpoints import rules, service, store
from placet.authority.checkpoints.model import (
    CheckpointView,
    ConsistencyQuery,
    ConsistencyView,
    InclusionQuery,
    InclusionView,
)
from placet.events.model import StreamId
from placet.evidence.fields import NUMBER_MAX
from placet.kernel.paging import Page, decode_cursor, encode_cursor
from placet.kernel.principal import Scope
from placet.kernel.refusals import MalformedQuery, NotFound
from placet.tenancy.entry import (
    AppRequest,
    PageQuery,
    RouteOpt,
    answer,
    database_of,
    principal_of,
    query_of,
)

_READERS: Final = (Scope.READ, Scope.OPERATE, Scope.AUDIT, Scope.APPROVE, Scope.ADMIN)


@get(
    "/api/v1/authority/checkpoints",
    opt=RouteOpt(scope=_READERS, query=PageQuery, answer=Page[CheckpointView]),
)
async def list_checkpoints(request: AppRequest) -> Response[bytes]:
    """List the signed checkpoints of the tenant's log, the newest first."""
    asked = query_of(request, PageQuery)
    before = None if asked.cursor is None else _place_of(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        found = await store.list_checkpoints(tx, before=before, limit=asked.limit + 1)
    shown = found[: asked.limit]
    cursor = encode_cursor([shown[-1].epoch, shown[-1].size]) if len(found) > len(shown) else None
    return answer(Page(items=[rules.view_of(each) for each in shown], next_cursor=cursor))


@get("/api/v1/authority/checkpoints/latest", opt=RouteOpt(scope=_READERS, answer=CheckpointView))
async def get_latest_checkpoint(request: AppRequest) -> Response[bytes]:
    """Return the newest signed checkpoint of the tenant's log."""
    async with database_of(request).reading(principal_of(request)) as tx:
        newest = await service.latest(tx)
    if newest is None:
        raise NotFound(detail="the log of this tenant has no checkpoint yet")
    return answer(rules.view_of(newest))


@get(
    "/api/v1/authority/log/inclusion",
    opt=RouteOpt(scope=_READERS, query=InclusionQuery, answer=InclusionView),
)
async def prove_inclusion(request: AppRequest) -> Response[bytes]:
    """Prove that an event is among the first `size` entries of the tenant's log."""
    asked = query_of(request, InclusionQuery)
    async with database_of(request).reading(principal_of(request)) as tx:
        proof = await service.inclusion(tx, StreamId(asked.stream_id), asked.seq, asked.size)
    return answer(
        InclusionView(
            index=proof.index,
            size=proof.size,
            leaf=proof.leaf.hex(),
            path=[step.hex() for step in proof.path],
        )
    )


@get(
    "/api/v1/authority/log/consistency",
    opt=RouteOpt(scope=_READERS, query=ConsistencyQuery, answer=ConsistencyView),
)
async def prove_consistency(request: AppRequest) -> Response[bytes]:
    """Prove that the log of one size is the beginning of that of another."""
    asked = query_of(request, ConsistencyQuery)
    async with database_of(request).reading(principal_of(request)) as tx:
        path = await service.consistency(tx, asked.from_size, asked.to_size)
    return answer(
        ConsistencyView(
            from_size=asked.from_size,
            to_size=asked.to_size,
            path=[step.hex() for step in path],
        )
    )


def _place_of(cursor: str) -> tuple[int, int]:
    match decode_cursor(cursor):
        case [int() as epoch, int() as size] if max(abs(epoch), abs(size)) <= NUMBER_MAX:
            return epoch, size
        case _:
            raise MalformedQuery(
                detail="the cursor is not one that this service gave", parameter="cursor"
            )


HANDLERS = [list_checkpoints, get_latest_checkpoint, prove_inclusion, prove_consistency]
