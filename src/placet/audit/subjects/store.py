"""Questions and changes about requests of subjects."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.audit.subjects.model import (
    ErasureRequestNotFound,
    FoundStatus,
    KeptPlace,
    RequestStatus,
    SubjectRequest,
    SubjectStream,
)
from placet.audit.subjects.tables import SUBJECT_REQUEST, SUBJECT_STREAM
from placet.storage.database import Reading, Writing, fields_of

STREAMS_SHOWN: Final = 1_000
"""Streams that are shown of one request."""

STREAMS_LISTED: Final = 10
"""Streams that are shown of each request in a list."""


async def insert_request(tx: Writing, request: SubjectRequest) -> None:
    """Keep a request that was just made."""
    await tx.insert(SUBJECT_REQUEST, request)


async def get_request(tx: Reading, request_id: UUID) -> SubjectRequest:
    """Return a request. Refuses `erasure_request_not_found`."""
    query = _requests(tx).where(SUBJECT_REQUEST.c.request_id == request_id)
    found = await tx.find(SubjectRequest, query)
    if found is None:
        raise ErasureRequestNotFound(detail="there is no such request here")
    return found


async def list_requests(tx: Reading, *, before: UUID | None, limit: int) -> list[SubjectRequest]:
    """Return requests, the newest first."""
    query = _requests(tx)
    if before is not None:
        query = query.where(SUBJECT_REQUEST.c.request_id < before)
    query = query.order_by(SUBJECT_REQUEST.c.request_id.desc()).limit(limit)
    return await tx.list(SubjectRequest, query)


async def advance_request(
    tx: Writing, request_id: UUID, status: RequestStatus, kept: list[KeptPlace], at: datetime
) -> bool:
    """Note what a look came to; at the end the subject and its salt are emptied.

    Returns False where somebody else ended it.
    """
    values: dict[str, object] = {"status": status, "kept": kept, "looked_at": at}
    if status is RequestStatus.DONE:
        values |= {"subject": "", "principal": None, "salt": b"", "finished_at": at}
    changed = (
        sa.update(SUBJECT_REQUEST)
        .where(
            SUBJECT_REQUEST.c.tenant_id == tx.tenant_id,
            SUBJECT_REQUEST.c.request_id == request_id,
            SUBJECT_REQUEST.c.status != RequestStatus.DONE,
        )
        .values(values)
    )
    return await tx.change(changed) == 1


async def note_stream(tx: Writing, noted: SubjectStream) -> None:
    """Note what became of what a request found in a stream: bodies that are erased add up."""
    c = SUBJECT_STREAM.c
    added = postgresql.insert(SUBJECT_STREAM).values(fields_of(noted))
    bodies: sa.ColumnElement[int] = added.excluded.bodies
    if noted.status is FoundStatus.ERASED:
        bodies = sa.case((c.status == FoundStatus.ERASED, c.bodies), else_=0) + bodies
    await tx.change(
        added.on_conflict_do_update(
            index_elements=[c.tenant_id, c.request_id, c.stream_id],
            set_={"status": noted.status, "bodies": bodies, "noted_at": noted.noted_at},
        )
    )


async def settle_due(tx: Writing, request_id: UUID, due: list[UUID]) -> None:
    """Note of all streams but these that nothing in them is due any more."""
    c = SUBJECT_STREAM.c
    changed = (
        sa.update(SUBJECT_STREAM)
        .where(
            c.tenant_id == tx.tenant_id,
            c.request_id == request_id,
            c.status == FoundStatus.DUE,
            c.stream_id != sa.all_(sa.literal(due, postgresql.ARRAY(sa.Uuid))),
        )
        .values(status=FoundStatus.ERASED)
    )
    await tx.change(changed)


async def list_streams(tx: Reading, request_ids: Sequence[UUID], limit: int) -> list[SubjectStream]:
    """Return up to `limit` streams of each request in which it found something."""
    asked = sa.func.unnest(sa.literal(request_ids, postgresql.ARRAY(sa.Uuid)))
    requests = asked.table_valued("request_id").render_derived()
    c = SUBJECT_STREAM.c
    of_one = sa.select(SUBJECT_STREAM).where(
        c.tenant_id == tx.tenant_id, c.request_id == requests.c.request_id
    )
    some = of_one.order_by(c.stream_id).limit(limit).lateral()
    query = sa.select(some).select_from(requests.join(some, sa.true()))
    return await tx.list(SubjectStream, query.order_by(some.c.request_id, some.c.stream_id))


async def sum_streams(
    tx: Reading, request_ids: Sequence[UUID]
) -> dict[UUID, dict[FoundStatus, tuple[int, int]]]:
    """Return how many streams and bodies of each request stand where."""
    c = SUBJECT_STREAM.c
    count, bodies = sa.func.count().label("streams"), sa.func.sum(c.bodies).label("sum")
    query = (
        sa.select(c.request_id, c.status, count, bodies)
        .where(c.tenant_id == tx.tenant_id, c.request_id.in_(request_ids))
        .group_by(c.request_id, c.status)
    )
    sums: dict[UUID, dict[FoundStatus, tuple[int, int]]] = {each: {} for each in request_ids}
    for row in await tx.rows(query):
        sums[row.request_id][row.status] = (row.streams, int(row.sum))
    return sums


def _requests(tx: Reading) -> "sa.Select[tuple[object, ...]]":
    return sa.select(SUBJECT_REQUEST).where(SUBJECT_REQUEST.c.tenant_id == tx.tenant_id)
