"""Drift items over HTTP."""

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
from placet.studio.drift import accepting, rules, service, store
from placet.studio.drift.model import (
    AcceptDrift,
    AcceptedDrift,
    DecideDrift,
    DriftAnswer,
    DriftDecision,
    DriftQuery,
    DriftStatus,
    WaiveDrift,
)
from placet.studio.workspaces import store as workspaces
from placet.tenancy.entry import (
    Answer,
    AppRequest,
    RouteOpt,
    answer,
    answered,
    body_of,
    database_of,
    idempotency_key_of,
    ids_of,
    principal_of,
    query_of,
)

_DECIDE: Final = msgspec.json.Decoder(DecideDrift)
_ACCEPT: Final = msgspec.json.Decoder(AcceptDrift)
_WAIVE: Final = msgspec.json.Decoder(WaiveDrift)
_READERS: Final = (Scope.READ, Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE, Scope.AUDIT, Scope.ADMIN)
_TRIAGE: Final = (Scope.AUTHOR, Scope.APPROVE, Scope.OPERATE)
_DECIDERS: Final = (Scope.APPROVE, Scope.OPERATE)


@get(
    "/api/v1/studio/workspaces/{workspace_id:uuid}/drift",
    opt=RouteOpt(scope=_READERS, query=DriftQuery, answer=Page[DriftAnswer]),
)
async def list_drift(request: AppRequest, workspace_id: FromPath[UUID]) -> Response[bytes]:
    """List a workspace's drift items, the newest first, of one status or all."""
    asked = query_of(request, DriftQuery)
    before = _before(asked.cursor)
    async with database_of(request).reading(principal_of(request)) as tx:
        workspace = await workspaces.get_workspace(tx, workspace_id)
        found = await store.list_items(
            tx,
            workspace.workspace_id,
            status=asked.status,
            before=before,
            limit=asked.limit + 1,
        )
        now = await tx.now()
    shown = found[: asked.limit]
    cursor = encode_cursor([str(shown[-1].item_id)]) if len(found) > len(shown) else None
    return answer(Page(items=[rules.answer_of(item, now) for item in shown], next_cursor=cursor))


@get(
    "/api/v1/studio/drift/{item_id:uuid}",
    opt=RouteOpt(scope=_READERS, answer=DriftAnswer),
)
async def get_drift(request: AppRequest, item_id: FromPath[UUID]) -> Response[bytes]:
    """Return one drift item as it counts now."""
    async with database_of(request).reading(principal_of(request)) as tx:
        item = await store.get_item(tx, item_id)
        return answer(rules.answer_of(item, await tx.now()))


@post(
    "/api/v1/studio/drift/{item_id:uuid}/acknowledge",
    opt=RouteOpt(scope=_TRIAGE, body=DecideDrift, answer=DriftAnswer, keyed=True),
)
async def acknowledge_drift(request: AppRequest, item_id: FromPath[UUID]) -> Response[bytes]:
    """Say that somebody looks after an open item."""
    return await _decided(request, item_id, DriftStatus.ACKNOWLEDGED, _TRIAGE)


@post(
    "/api/v1/studio/drift/{item_id:uuid}/resolve",
    opt=RouteOpt(scope=_DECIDERS, body=DecideDrift, answer=DriftAnswer, keyed=True),
)
async def resolve_drift(request: AppRequest, item_id: FromPath[UUID]) -> Response[bytes]:
    """Say that an item is no more; the same seen later than now opens another."""
    return await _decided(request, item_id, DriftStatus.RESOLVED, _DECIDERS)


@post(
    "/api/v1/studio/drift/{item_id:uuid}/waive",
    opt=RouteOpt(scope=_DECIDERS, body=WaiveDrift, answer=DriftAnswer, keyed=True),
)
async def waive_drift(request: AppRequest, item_id: FromPath[UUID]) -> Response[bytes]:
    """Let an item be until a date, at most a year from now; then it is open again."""
    raw = await body_of(request)
    asked = bodies.decode(_WAIVE, raw)
    decision = DriftDecision(
        status=DriftStatus.WAIVED, reason=asked.reason, waived_until=asked.until
    )
    return await _answered(request, raw, item_id, decision, _DECIDERS)


@post(
    "/api/v1/studio/drift/{item_id:uuid}/accept",
    opt=RouteOpt(scope=Scope.AUTHOR, body=AcceptDrift, answer=AcceptedDrift, keyed=True),
)
async def accept_drift(request: AppRequest, item_id: FromPath[UUID]) -> Response[bytes]:
    """Take an item up in the workspace's draft, by the command that it suggests or another."""
    raw = await body_of(request)
    asked = bodies.decode(_ACCEPT, raw)
    key = idempotency_key_of(request)

    async def work(tx: Writing) -> Answer:
        return Answer(value=await accepting.accept_item(tx, item_id, asked, key, ids_of(request)))

    return await answered(request, raw, work)


async def _decided(
    request: AppRequest, item_id: UUID, status: DriftStatus, deciders: tuple[Scope, ...]
) -> Response[bytes]:
    raw = await body_of(request)
    asked = bodies.decode(_DECIDE, raw)
    decision = DriftDecision(status=status, reason=asked.reason)
    return await _answered(request, raw, item_id, decision, deciders)


async def _answered(
    request: AppRequest,
    raw: bytes,
    item_id: UUID,
    decision: DriftDecision,
    deciders: tuple[Scope, ...],
) -> Response[bytes]:
    scopes = principal_of(request).scopes.intersection(deciders)

    async def work(tx: Writing) -> Answer:
        await service.check_reach(tx, item_id, scopes)
        return Answer(value=await service.decide_item(tx, item_id, decision, ids_of(request)))

    return await answered(request, raw, work)


def _before(cursor: str | None) -> UUID | None:
    if cursor is None:
        return None
    try:
        (position,) = decode_cursor(cursor)
        return UUID(str(position))
    except ValueError as fault:
        raise MalformedQuery(
            detail="the cursor is not one that this list gave", parameter="cursor"
        ) from fault


HANDLERS = [list_drift, get_drift, acknowledge_drift, resolve_drift, waive_drift, accept_drift]
