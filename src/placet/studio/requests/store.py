"""Questions about requests, and the guarded moves of a request."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.storage.database import Reading, Writing, fields_of
from placet.studio.requests.model import (
    ApprovalRequest,
    RequestNotFound,
    RequestQuery,
    RequestStatus,
    RequestSummary,
)
from placet.studio.requests.tables import REQUEST


async def insert_request(tx: Writing, request: ApprovalRequest) -> bool:
    """Add a request. Returns whether its workspace had no other open one."""
    statement = postgresql.insert(REQUEST).values(fields_of(request)).on_conflict_do_nothing()
    return await tx.change(statement) == 1


async def get_request(tx: Reading, request_id: UUID) -> ApprovalRequest:
    """Return a request. Refuses `request_not_found`."""
    return _found(await tx.find(ApprovalRequest, _request(tx, request_id)))


def lock_statement(tx: Reading, request_id: UUID) -> sa.Select[tuple[object, ...]]:
    """Return the question for a request that also holds it until the transaction ends."""
    # Race: of votes that come at once, the later waits here and then counts the earlier.
    return _request(tx, request_id).with_for_update(key_share=True)


async def lock_request(tx: Writing, request_id: UUID) -> ApprovalRequest:
    """Return a request and hold it. Refuses `request_not_found`."""
    return _found(await tx.find(ApprovalRequest, lock_statement(tx, request_id)))


async def find_open_request(tx: Reading, workspace_id: UUID) -> ApprovalRequest | None:
    """Return the open request of a workspace; there is at most one."""
    return await tx.find(
        ApprovalRequest,
        sa.select(REQUEST).where(
            REQUEST.c.tenant_id == tx.tenant_id,
            REQUEST.c.workspace_id == workspace_id,
            REQUEST.c.status == RequestStatus.OPEN,
        ),
    )


async def list_requests(
    tx: Reading, workspace_id: UUID, asked: RequestQuery, *, before: UUID | None, now: datetime
) -> list[RequestSummary]:
    """Return requests of a workspace, the newest first, made before the one named.

    One more than the limit tells that there are more. The status that is asked for is what they
    count for at `now`: a deadline that has passed counts, whether or not anybody has written that
    down. What is returned has the status that is kept.
    """
    query = sa.select(*(REQUEST.c[name] for name in RequestSummary.__struct_fields__)).where(
        REQUEST.c.tenant_id == tx.tenant_id, REQUEST.c.workspace_id == workspace_id
    )
    if asked.status is not None:
        query = query.where(_counts_as(asked.status, now))
    if before is not None:
        query = query.where(REQUEST.c.request_id < before)
    newest = query.order_by(REQUEST.c.request_id.desc()).limit(asked.limit + 1)
    return await tx.list(RequestSummary, newest)


def _counts_as(status: RequestStatus, now: datetime) -> sa.ColumnElement[bool]:
    is_open = REQUEST.c.status == RequestStatus.OPEN
    if status is RequestStatus.OPEN:
        return sa.and_(is_open, REQUEST.c.deadline > now)
    kept = REQUEST.c.status == status
    if status is RequestStatus.EXPIRED:
        return sa.or_(kept, sa.and_(is_open, REQUEST.c.deadline <= now))
    return kept


async def advance_request(tx: Writing, request: ApprovalRequest, status: RequestStatus) -> bool:
    """Close an open request. Returns whether it still was open."""
    closed = (
        sa.update(REQUEST)
        .where(
            REQUEST.c.tenant_id == tx.tenant_id,
            REQUEST.c.request_id == request.request_id,
            REQUEST.c.status == RequestStatus.OPEN,
        )
        .values(status=status)
    )
    return await tx.change(closed) == 1


def _request(tx: Reading, request_id: UUID) -> sa.Select[tuple[object, ...]]:
    return sa.select(REQUEST).where(
        REQUEST.c.tenant_id == tx.tenant_id, REQUEST.c.request_id == request_id
    )


def _found(request: ApprovalRequest | None) -> ApprovalRequest:
    if request is None:
        raise RequestNotFound(detail="there is no approval request with this id")
    return request
