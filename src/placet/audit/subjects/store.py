"""Questions and changes about requests of subjects."""

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
            c.stream_id.not_in(due),
        )
        .values(status=FoundStatus.ERASED)
    )
    await tx.change(changed)


async def list_streams(tx: Reading, request_id: UUID, limit: int) -> list[SubjectStream]:
    """Return the streams in which a request found something."""
    query = sa.select(SUBJECT_STREAM).where(
        SUBJECT_STREAM.c.tenant_id == tx.tenant_id, SUBJECT_STREAM.c.request_id == request_id
    )
    return await tx.list(SubjectStream, query.order_by(SUBJECT_STREAM.c.stream_id).limit(limit))


async def sum_streams(tx: Reading, request_id: UUID) -> dict[FoundStatus, tuple[int, int]]:
    """Return how many streams and bodies of a request stand where."""
    c = SUBJECT_STREAM.c
    query = (
        sa.select(c.status, sa.func.count().label("streams"), sa.func.sum(c.bodies).label("sum"))
        .where(c.tenant_id == tx.tenant_id, c.request_id == request_id)
        .group_by(c.status)
    )
    return {row.status: (row.streams, int(row.sum)) for row in await tx.rows(query)}


def _requests(tx: Reading) -> "sa.Select[tuple[object, ...]]":
    return sa.select(SUBJECT_REQUEST).where(SUBJECT_REQUEST.c.tenant_id == tx.tenant_id)
