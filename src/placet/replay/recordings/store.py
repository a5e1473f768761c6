"""Reading what agents did, a few hundred calls at a time."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy.sql.selectable import LateralFromClause

from placet.kernel.hashing import digest
from placet.replay.calls.model import ERASED, CallStatus, ReceiptStatus
from placet.replay.calls.tables import PENDING_CALL, RECEIPT
from placet.replay.recordings.model import (
    BYTES_MAX,
    OPENED_BEFORE_MAX,
    SESSIONS_MAX,
    TEXT_BYTES_MAX,
    Found,
    RecordedCall,
    Recording,
    SessionCount,
    Window,
)
from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import Reading

PAGE: Final = 250
"""Calls that are read at a time, so that nobody else waits long for the event loop."""

_C: Final = PENDING_CALL.c
_IS_ONE: Final = _C.status != CallStatus.SUPERSEDED
"""Of a call that somebody edited, the one that came in its place is told of."""

_IS_ERASED: Final = sa.and_(
    _C.arguments == ERASED, _C.arguments_hash != digest("arguments", ERASED)
)

_TELLING: Final = (ReceiptStatus.SUCCEEDED, ReceiptStatus.FAILED)


async def read_window(tx: Reading, window: Window) -> Found:
    """Return the recordings of a window: whole sessions, the newest first, as many as may be.

    The last one is cut off at its end where it alone would pass what may be read.
    """
    counts = await _count_sessions(tx, window)
    found: list[Recording] = []
    left, bytes_left = window.calls_max, BYTES_MAX
    for group in _groups(counts, window.calls_max):
        if bytes_left <= 0:
            break
        for recording in await _read_group(tx, group, window, left, bytes_left):
            if bytes_left <= 0:
                break
            found.append(recording)
            left -= len(recording.calls)
            bytes_left -= _size(recording.calls)
    calls = sum(len(one.counted()) for one in found)
    return Found(
        recordings=found,
        artifact_ids=frozenset(one.artifact_id for one in counts[: len(found)]),
        sessions=len(found),
        calls=calls,
        is_truncated=calls < sum(one.within for one in counts) or len(counts) == SESSIONS_MAX,
    )


async def read_session(
    tx: Reading, session_id: UUID, *, until: datetime, calls_max: int, bytes_max: int = BYTES_MAX
) -> Recording:
    """Return the first calls of a session that were proposed before `until`."""
    calls: list[RecordedCall] = []
    while len(calls) < calls_max and bytes_max > 0:
        page = await _list_calls(
            tx, session_id, until, calls[-1] if calls else None, min(PAGE, calls_max - len(calls))
        )
        calls += page
        bytes_max -= _size(page)
        if len(page) < PAGE:
            break
    return Recording(session_id=session_id, until=until, calls=calls)


async def has_early(
    tx: Reading, session_id: UUID, call_ids: Sequence[UUID], calls_max: int
) -> bool:
    """Say whether one of these calls is among the first `calls_max` of a session."""
    first = (
        sa.select(_C.call_id)
        .where(_C.tenant_id == tx.tenant_id, _C.session_id == session_id, _IS_ONE)
        .order_by(_C.step_id, _C.ordinal)
        .limit(calls_max)
        .subquery()
    )
    found = sa.select(first.c.call_id).where(first.c.call_id.in_(call_ids)).limit(1)
    return bool(call_ids) and bool(await tx.rows(found))


def _groups(counts: Sequence[SessionCount], calls_max: int) -> Iterator[list[SessionCount]]:
    """Yield sessions that are read together: as many as a page holds, or one that is longer.

    All of them have `calls_max` calls at most, but for the last one, which is alone.
    """
    group: list[SessionCount] = []
    size, left = 0, calls_max
    for one in counts:
        if group and (size + one.calls > PAGE or one.calls > left):
            yield group
            group, size = [], 0
        if left <= 0:
            return
        group.append(one)
        size += one.calls
        left -= one.calls
    if group:
        yield group


async def _read_group(
    tx: Reading, group: Sequence[SessionCount], window: Window, left: int, bytes_left: int
) -> list[Recording]:
    """Return the recordings of sessions that are read together."""
    if len(group) == 1:
        (one,) = group
        most = min(left, one.calls)
        whole = await read_session(
            tx, one.session_id, until=window.until, calls_max=most, bytes_max=bytes_left
        )
        return [replace(whole, since=window.since)]
    query = _calls_of([one.session_id for one in group], window.until).limit(2 * PAGE)
    calls: dict[UUID, list[RecordedCall]] = {one.session_id: [] for one in group}
    for call in await tx.list(RecordedCall, query.where(_C.tenant_id == tx.tenant_id)):
        calls[call.session_id].append(call)
    return [
        Recording(
            session_id=one.session_id,
            until=window.until,
            calls=calls[one.session_id][: one.calls],
            since=window.since,
        )
        for one in group
    ]


async def _count_sessions(tx: Reading, window: Window) -> list[SessionCount]:
    """Return the newest sessions that called in a window, and how often.

    Only what happened before its end decides which they are, whatever sessions do later.
    """
    s = REPLAY_SESSION.c
    has_called = (
        sa.select(sa.literal(1))
        .where(
            _C.tenant_id == tx.tenant_id,
            _C.session_id == s.session_id,
            _C.proposed_at >= window.since,
            _C.proposed_at < window.until,
        )
        .exists()
    )
    newest = (
        sa.select(s.session_id, s.artifact_id, s.created_at)
        .where(
            s.tenant_id == tx.tenant_id,
            s.agent == window.agent,
            s.environment == window.environment,
            s.created_at >= window.since - OPENED_BEFORE_MAX,
            s.created_at < window.until,
            s.last_event_at >= window.since,
            has_called,
        )
        .order_by(s.created_at.desc(), s.session_id.desc())
        .limit(SESSIONS_MAX)
        .subquery()
    )
    counted = (
        sa.select(
            sa.func.count().label("calls"),
            sa.func.count().filter(_C.proposed_at >= window.since).label("within"),
        )
        .where(
            _C.tenant_id == tx.tenant_id,
            _C.session_id == newest.c.session_id,
            _C.proposed_at < window.until,
            _IS_ONE,
        )
        .lateral()
    )
    return await tx.list(
        SessionCount,
        sa.select(newest.c.session_id, newest.c.artifact_id, counted.c.calls, counted.c.within)
        .select_from(newest.join(counted, sa.true()))
        .order_by(newest.c.created_at.desc(), newest.c.session_id.desc()),
    )


async def _list_calls(
    tx: Reading, session_id: UUID, until: datetime, after: RecordedCall | None, limit: int
) -> list[RecordedCall]:
    query = _calls_of([session_id], until).where(_C.tenant_id == tx.tenant_id).limit(limit)
    if after is not None:
        query = query.where(
            sa.tuple_(_C.step_id, _C.ordinal) > sa.tuple_(after.step_id, after.ordinal)
        )
    return await tx.list(RecordedCall, query)


def _calls_of(sessions: Sequence[UUID], until: datetime) -> sa.Select[tuple[object, ...]]:
    """Return the question for the calls of some sessions, one session after the other."""
    told = _telling_receipt(until)
    columns = [_C[name] for name in RecordedCall.__struct_fields__ if name in _C]
    columns = [one for one in columns if one.name != "arguments"]
    return (
        sa.select(
            *columns,
            sa.case((_IS_ERASED, None), else_=_bounded(_C.arguments)).label("arguments"),
            told.c.status.label("told"),
            told.c.received_at.label("told_at"),
            _bounded(told.c.output).label("output"),
        )
        .select_from(PENDING_CALL.outerjoin(told, sa.true()))
        .where(_C.session_id.in_(sessions), _C.proposed_at < until, _IS_ONE)
        .order_by(_C.session_id, _C.step_id, _C.ordinal)
    )


def _telling_receipt(until: datetime) -> LateralFromClause:
    """Return the receipt that decided a call; where none may decide, the first one to tell."""
    r = RECEIPT.c
    return (
        sa.select(r.status, r.received_at, r.output)
        .where(
            r.tenant_id == _C.tenant_id,
            r.session_id == _C.session_id,
            r.pending_call_id == _C.call_id,
            r.received_at < until,
            sa.or_(
                r.receipt_id == _C.settled_by,
                sa.and_(
                    _C.status == CallStatus.SHADOWED,
                    r.status.in_(_TELLING),
                    r.arguments_hash == _C.arguments_hash,
                ),
            ),
        )
        .order_by(r.receipt_id)
        .limit(1)
        .lateral()
    )


def _bounded(text: sa.ColumnElement[bytes]) -> sa.Case[bytes | None]:
    return sa.case((sa.func.octet_length(text) <= TEXT_BYTES_MAX, text), else_=None)


def _size(calls: Sequence[RecordedCall]) -> int:
    return sum(len(one.arguments or b"") + len(one.output or b"") for one in calls)
