"""Questions to the index, and the rows that a round writes."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.audit.search.model import (
    AuditEvent,
    AuditFilter,
    AuditProgress,
    AuditTerm,
    Field,
    LoggedEvent,
    SearchOrder,
    Walk,
    Walked,
)
from placet.audit.search.tables import AUDIT_EVENT, AUDIT_PROGRESS, AUDIT_TERM
from placet.events.model import StreamKind
from placet.events.tables import EVENT, EVENT_BODY, EVENT_STREAM
from placet.evidence.log.tables import LOG_ENTRY
from placet.replay.calls.tables import PENDING_CALL
from placet.replay.sessions.tables import REPLAY_SESSION
from placet.storage.database import Reading, Writing, fields_of
from placet.studio.workspaces.tables import WORKSPACE

BODY_BYTES_MAX: Final = 256 * 1024
"""Bytes of a body that are looked at: what is larger names nothing that the index holds."""

COUNTED_MAX: Final = 300
"""How far the entries of a filter are counted, to choose the one that is walked."""

_E: Final = AUDIT_EVENT.c
_T: Final = AUDIT_TERM.c
_P: Final = AUDIT_PROGRESS.c
_ROW: Final[sa.ColumnClause[object]] = sa.literal_column("ctid")


async def find_progress(tx: Reading) -> AuditProgress | None:
    """Return how far the tenant's index is, or None before there is one."""
    query = sa.select(AUDIT_PROGRESS).where(_P.tenant_id == tx.tenant_id)
    return await tx.find(AuditProgress, query)


async def take_progress(tx: Writing, form: int) -> AuditProgress | None:
    """Return how far the index is and hold it, making it if it is new.

    None while somebody else holds it: nobody waits here.
    """
    new = {"tenant_id": tx.tenant_id, "form": form, "indexed_through": 0}
    if await find_progress(tx) is None:
        await tx.change(postgresql.insert(AUDIT_PROGRESS).values(new).on_conflict_do_nothing())
    held = sa.select(AUDIT_PROGRESS).where(_P.tenant_id == tx.tenant_id)
    return await tx.find(AuditProgress, held.with_for_update(key_share=True, skip_locked=True))


async def advance_progress(tx: Writing, before: AuditProgress, after: AuditProgress) -> bool:
    """Move the index on, if it still is where it was."""
    change = sa.update(AUDIT_PROGRESS).where(
        _P.tenant_id == tx.tenant_id,
        _P.form == before.form,
        _P.indexed_through == before.indexed_through,
    )
    moved = change.values(form=after.form, indexed_through=after.indexed_through)
    return await tx.change(moved) == 1


async def outdate_progress(tx: Writing) -> None:
    """Say that the index is of no form of today, so that it is made anew; wait for its holder."""
    mine = sa.update(AUDIT_PROGRESS).where(_P.tenant_id == tx.tenant_id)
    await tx.change(mine.values(form=0))


async def clear(tx: Writing, limit: int) -> bool:
    """Remove up to so many rows that the tenant's index holds. Tells whether none is left."""
    for each in (AUDIT_TERM, AUDIT_EVENT):
        mine = each.c.tenant_id == tx.tenant_id
        some = sa.select(_ROW).select_from(each).where(mine)
        some = some.order_by(*each.primary_key.columns).limit(limit)
        rows = sa.func.array(some.scalar_subquery())
        limit -= await tx.change(sa.delete(each).where(mine, sa.any_(rows) == _ROW))
        if limit <= 0:
            return False
    return True


async def list_logged(tx: Reading, *, start: int, limit: int) -> list[LoggedEvent]:
    """Return up to `limit` entries of the log from index `start` on, with their events."""
    entries = (
        sa.select(LOG_ENTRY)
        .where(LOG_ENTRY.c.tenant_id == tx.tenant_id, LOG_ENTRY.c.index >= start)
        .order_by(LOG_ENTRY.c.index)
        .limit(limit)
        .subquery()
    )
    stream, seq = entries.c.stream_id, entries.c.seq
    joined = (
        entries.join(
            EVENT,
            sa.and_(
                EVENT.c.tenant_id == tx.tenant_id, EVENT.c.stream_id == stream, EVENT.c.seq == seq
            ),
        )
        .outerjoin(
            EVENT_BODY,
            sa.and_(
                EVENT_BODY.c.tenant_id == tx.tenant_id,
                EVENT_BODY.c.stream_id == stream,
                EVENT_BODY.c.seq == seq,
                sa.func.octet_length(EVENT_BODY.c.body) <= BODY_BYTES_MAX,
            ),
        )
        .outerjoin(
            EVENT_STREAM,
            sa.and_(EVENT_STREAM.c.tenant_id == tx.tenant_id, EVENT_STREAM.c.stream_id == stream),
        )
        .outerjoin(
            REPLAY_SESSION,
            sa.and_(
                REPLAY_SESSION.c.tenant_id == tx.tenant_id, REPLAY_SESSION.c.session_id == stream
            ),
        )
        .outerjoin(
            WORKSPACE,
            sa.and_(
                WORKSPACE.c.tenant_id == tx.tenant_id,
                WORKSPACE.c.workspace_id == stream,
            ),
        )
    )
    kind = sa.func.coalesce(
        sa.cast(EVENT_STREAM.c.kind, sa.Text), sa.literal(StreamKind.SESSION.value, sa.Text)
    )
    query = sa.select(
        entries.c.index,
        stream,
        seq,
        kind.label("kind"),
        EVENT.c.event_id,
        EVENT.c.type,
        EVENT.c.actor_id,
        EVENT.c.at,
        sa.func.coalesce(REPLAY_SESSION.c.agent, WORKSPACE.c.agent).label("agent"),
        EVENT_BODY.c.body,
    ).select_from(joined)
    return await tx.list(LoggedEvent, query.order_by(entries.c.index))


async def list_tools(tx: Reading, calls: Collection[tuple[UUID, UUID]]) -> dict[UUID, str]:
    """Return the tools of calls, which are given by session and id."""
    if not calls:
        return {}
    query = sa.select(PENDING_CALL.c.call_id, PENDING_CALL.c.tool_name).where(
        PENDING_CALL.c.tenant_id == tx.tenant_id,
        sa.tuple_(PENDING_CALL.c.session_id, PENDING_CALL.c.call_id).in_(calls),
    )
    return {row.call_id: str(row.tool_name) for row in await tx.rows(query)}


async def insert_rows(
    tx: Writing, events: Sequence[AuditEvent], terms: Sequence[AuditTerm]
) -> None:
    """Write events and what they are found by."""
    if events:
        await tx.change(sa.insert(AUDIT_EVENT).values([fields_of(one) for one in events]))
    if terms:
        await tx.change(sa.insert(AUDIT_TERM).values([fields_of(one) for one in terms]))


async def list_bodiless(
    tx: Reading, stream: UUID, *, above: int, through: int, limit: int
) -> list[AuditEvent]:
    """Return up to `limit` indexed events of a stream whose bodies are gone, in their order.

    Those above one sequence and up to another.
    """
    body = sa.exists().where(
        EVENT_BODY.c.tenant_id == tx.tenant_id,
        EVENT_BODY.c.stream_id == _E.stream_id,
        EVENT_BODY.c.seq == _E.seq,
    )
    query = sa.select(AUDIT_EVENT).where(
        _E.tenant_id == tx.tenant_id,
        _E.stream_id == stream,
        _E.seq > above,
        _E.seq <= through,
        ~body,
    )
    return await tx.list(AuditEvent, query.order_by(_E.seq).limit(limit))


async def strip(
    tx: Writing, indexes: Sequence[int], left: Mapping[str, object], gone: Sequence[AuditTerm]
) -> None:
    """Write what is left of indexed events, and remove what they are found by no more."""
    rows = sa.func.unnest(
        sa.literal([one.field.value for one in gone], postgresql.ARRAY(sa.Text)),
        sa.literal([one.value for one in gone], postgresql.ARRAY(sa.Text)),
        sa.literal([one.at for one in gone], postgresql.ARRAY(sa.DateTime(timezone=True))),
        sa.literal([one.index for one in gone], postgresql.ARRAY(sa.BigInteger)),
    )
    found = rows.table_valued("field", "value", "at", "index").render_derived()
    await tx.change(
        sa.delete(AUDIT_TERM).where(
            _T.tenant_id == tx.tenant_id,
            sa.tuple_(_T.field, _T.value, _T.at, _T.index).in_(sa.select(*found.c)),
        )
    )
    here = sa.update(AUDIT_EVENT).where(_E.tenant_id == tx.tenant_id, _E.index.in_(indexes))
    await tx.change(here.values(dict(left)))


async def count_entries(tx: Reading, asked: AuditFilter, term: tuple[Field, str]) -> int:
    """Return how many entries a filter has within the time, counted up to `COUNTED_MAX`."""
    some = _entries(tx, term).where(*_within(asked, _T.at)).limit(COUNTED_MAX).subquery()
    ((count,),) = await tx.rows(sa.select(sa.func.count()).select_from(some))
    return int(count)


async def walk(tx: Reading, how: Walk) -> list[Walked]:
    """Return the next entries of the first filter, in their order, and whether the others fit.

    Without a filter every event of the index is an entry.
    """
    forward = how.order is SearchOrder.OLDEST
    at, index = (_T.at, _T.index) if how.terms else (_E.at, _E.index)
    if how.terms:
        entries = _entries(tx, how.terms[0])
    else:
        entries = sa.select(at, index).where(_E.tenant_id == tx.tenant_id)
    entries = entries.where(*_within(how.asked, at), index < how.size)
    if how.place is not None:
        here = sa.tuple_(at, index)
        there = sa.tuple_(
            sa.literal(how.place.at, at.type), sa.literal(how.place.index, index.type)
        )
        entries = entries.where(here > there if forward else here < there)
    ends = (at.asc(), index.asc()) if forward else (at.desc(), index.desc())
    walked = entries.order_by(*ends).limit(how.limit).subquery()
    fits = [_fits(tx, term, walked) for term in how.terms[1:]]
    query = sa.select(walked.c.at, walked.c.index, sa.and_(sa.true(), *fits).label("fits"))
    found = await tx.list(Walked, query)
    return sorted(found, key=lambda one: (one.at, one.index), reverse=not forward)


async def list_events(tx: Reading, indexes: Sequence[int]) -> list[AuditEvent]:
    """Return the indexed events at these places of the log, in no order."""
    query = sa.select(AUDIT_EVENT).where(_E.tenant_id == tx.tenant_id, _E.index.in_(indexes))
    return await tx.list(AuditEvent, query)


def _entries(tx: Reading, term: tuple[Field, str]) -> "sa.Select[tuple[object, int]]":
    field, value = term
    return sa.select(_T.at, _T.index).where(
        _T.tenant_id == tx.tenant_id, _T.field == field, _T.value == value
    )


def _fits(tx: Reading, term: tuple[Field, str], walked: sa.Subquery) -> sa.ColumnElement[bool]:
    field, value = term
    other = AUDIT_TERM.alias()
    return sa.exists().where(
        other.c.tenant_id == tx.tenant_id,
        other.c.field == field,
        other.c.value == value,
        other.c.at == walked.c.at,
        other.c.index == walked.c.index,
    )


def _within(asked: AuditFilter, at: "sa.ColumnElement[object]") -> list[sa.ColumnElement[bool]]:
    return [
        *([at >= asked.since] if asked.since is not None else []),
        *([at < asked.until] if asked.until is not None else []),
    ]
