"""Questions about what bodies, calls and receipts hold, a page at a time."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.audit.subjects.model import KeptPlace
from placet.audit.subjects.places import PLACES
from placet.storage.columns import METADATA, SCHEMA
from placet.storage.database import Reading

_NOWHERE: Final = UUID(int=0)


def _may_hold(text: str) -> str:
    """Return the SQL that tells whether a column may hold a needle, to be read as JSON then.

    That is also so of whatever holds an escape that writers may choose (of a letter or of a slash),
    or a string that begins as base64 of a JSON text does, with or without a blank before it.
    """
    return f"""
        (EXISTS (SELECT FROM unnest(CAST(:needles AS bytea[])) AS n WHERE position(n IN {text}) > 0)
         OR position(decode('5c75', 'hex') IN {text}) > 0
         OR position(decode('5c2f', 'hex') IN {text}) > 0
         OR encode({text}, 'escape')
            ~ '"([eW][w-z0-9+/]|I[A-Pg-v]|C[Q-Za-v]|D[Q-Za-f])[A-Za-z0-9+/]{{14}}')
    """


# Types that may hold the text inside an envelope are read whole.
_BODIES: Final = sa.text(
    f"""
    SELECT p.stream_id, p.seq, CASE
        WHEN e.type IN ('SessionOpened', 'ReceiptReceived', 'OrphanReceiptKept') THEN p.body
        WHEN {_may_hold("p.body")} THEN p.body
        END AS body
    FROM (
        SELECT b.tenant_id, b.stream_id, b.seq, b.body FROM placet.event_body AS b
        WHERE b.tenant_id = :tenant AND (b.stream_id, b.seq) > (:stream, :seq)
        ORDER BY b.stream_id, b.seq LIMIT :most
    ) AS p
    JOIN placet.event AS e
        ON e.tenant_id = p.tenant_id AND e.stream_id = p.stream_id AND e.seq = p.seq
    ORDER BY p.stream_id, p.seq
    """  # noqa: S608 -- put together from texts of this file alone
).bindparams(
    sa.bindparam("tenant", type_=sa.Uuid),
    sa.bindparam("stream", type_=sa.Uuid),
    sa.bindparam("needles", type_=postgresql.ARRAY(sa.LargeBinary)),
)
_CALLS: Final = sa.text(
    f"""
    SELECT p.session_id, p.call_id,
           CASE WHEN {_may_hold("p.arguments")} THEN p.arguments END AS text
    FROM (
        SELECT c.session_id, c.call_id, c.arguments FROM placet.replay_pending_call AS c
        WHERE c.tenant_id = :tenant AND (c.session_id, c.call_id) > (:session, :id)
        ORDER BY c.session_id, c.call_id LIMIT :most
    ) AS p
    ORDER BY p.session_id, p.call_id
    """  # noqa: S608 -- put together from texts of this file alone
)
_RECEIPTS: Final = sa.text(
    f"""
    SELECT p.session_id, p.receipt_id, p.pending_call_id AS call_id,
           EXISTS (
               SELECT FROM unnest(CAST(:needles AS bytea[]) || convert_to(:subject, 'UTF8')) AS n
               WHERE position(
                   n IN convert_to(concat_ws(chr(10), p.external_ref, p.error), 'UTF8')) > 0
           ) AS is_told,
           CASE WHEN {_may_hold("p.output")} THEN p.output END AS text
    FROM (
        SELECT r.session_id, r.receipt_id, r.pending_call_id, r.output, r.external_ref, r.error
        FROM placet.replay_execution_receipt AS r
        WHERE r.tenant_id = :tenant AND (r.session_id, r.receipt_id) > (:session, :id)
        ORDER BY r.session_id, r.receipt_id LIMIT :most
    ) AS p
    ORDER BY p.session_id, p.receipt_id
    """  # noqa: S608 -- put together from texts of this file alone
)
_OF_CALLS: Final = sa.text(
    """
    SELECT b.seq FROM placet.event_body AS b
    CROSS JOIN LATERAL (SELECT convert_from(b.body, 'UTF8')::json AS said) AS j
    WHERE b.tenant_id = :tenant AND b.stream_id = :stream
      AND (j.said ->> 'call_id' = ANY (CAST(:calls AS text[]))
           OR j.said ->> 'new_call_id' = ANY (CAST(:calls AS text[])))
    """
)
_NAMED: Final = sa.text(
    """
    SELECT j.said ->> 'call_id' AS one, j.said ->> 'new_call_id' AS other
    FROM placet.event_body AS b
    CROSS JOIN LATERAL (SELECT convert_from(b.body, 'UTF8')::json AS said) AS j
    WHERE b.tenant_id = :tenant AND b.stream_id = :stream
      AND b.seq = ANY (CAST(:seqs AS bigint[]))
    """
)
_ARTIFACTS: Final = sa.text(
    """
    SELECT p.stream_id, p.seq, p.name, EXISTS (
        SELECT FROM unnest(CAST(:needles AS bytea[])) AS n WHERE position(n IN a.content) > 0
    ) AS is_told
    FROM (
        SELECT l.tenant_id, l.stream_id, l.seq, l.name, l.digest
        FROM placet.event_artifact_link AS l
        WHERE l.tenant_id = :tenant AND (l.stream_id, l.seq, l.name) > (:stream, :seq, :name)
        ORDER BY l.stream_id, l.seq, l.name LIMIT :most
    ) AS p
    JOIN placet.event_artifact AS a ON a.tenant_id = p.tenant_id AND a.digest = p.digest
    ORDER BY p.stream_id, p.seq, p.name
    """
)
_PRINCIPALS: Final = sa.text(
    """
    SELECT s.session_id FROM placet.replay_session AS s
    WHERE s.tenant_id = :tenant AND s.session_id > :session AND EXISTS (
        SELECT FROM jsonb_each_text(s.principal) AS a WHERE a.value = :principal)
    ORDER BY s.session_id LIMIT :most
    """
)


async def page_bodies(
    tx: Reading, after: tuple[UUID, int] | None, needles: list[bytes], limit: int
) -> list[tuple[UUID, int, bytes | None]]:
    """Return the next bodies of the tenant by stream and sequence.

    Of those that may hold a needle their bytes too.
    """
    stream, seq = after or (_NOWHERE, 0)
    query = _BODIES.bindparams(
        tenant=tx.tenant_id, stream=stream, seq=seq, needles=needles, most=limit
    )
    return [(row.stream_id, row.seq, row.body) for row in await tx.rows(query)]


async def page_calls(
    tx: Reading, after: tuple[UUID, UUID] | None, needles: list[bytes], limit: int
) -> list[tuple[UUID, UUID, bytes | None]]:
    """Return the next calls of the tenant; of those that may hold a needle the arguments too."""
    query = _paged(_CALLS, tx, after, limit).bindparams(_needles(needles))
    return [(row.session_id, row.call_id, row.text) for row in await tx.rows(query)]


async def page_receipts(
    tx: Reading, after: tuple[UUID, UUID] | None, needles: list[bytes], subject: str, limit: int
) -> list[tuple[UUID, UUID, UUID, bool, bytes | None]]:
    """Return the next receipts: session, receipt, call, whether words of it hold the subject.

    And of those that may hold a needle the output.
    """
    query = _paged(_RECEIPTS, tx, after, limit).bindparams(_needles(needles))
    return [
        (row.session_id, row.receipt_id, row.call_id, row.is_told, row.text)
        for row in await tx.rows(query.bindparams(subject=subject))
    ]


async def page_principals(
    tx: Reading, after: UUID | None, principal: str, limit: int
) -> list[UUID]:
    """Return the next sessions that were opened for whoever has this attribute."""
    query = _PRINCIPALS.bindparams(
        sa.bindparam("tenant", tx.tenant_id, type_=sa.Uuid),
        sa.bindparam("session", after or _NOWHERE, type_=sa.Uuid),
    ).bindparams(principal=principal, most=limit)
    return [row.session_id for row in await tx.rows(query)]


async def page_artifacts(
    tx: Reading,
    after: tuple[UUID, int, str] | None,
    subject: str,
    needles: list[bytes],
    limit: int,
) -> list[tuple[UUID, int, str, bool]]:
    """Return the next artifacts of events: stream, event, name, whether it holds the subject."""
    stream, seq, name = after or (_NOWHERE, 0, "")
    query = _ARTIFACTS.bindparams(
        sa.bindparam("tenant", tx.tenant_id, type_=sa.Uuid),
        sa.bindparam("stream", stream, type_=sa.Uuid),
        _needles([subject.encode(), *needles]),
    ).bindparams(seq=seq, name=name, most=limit)
    return [
        (row.stream_id, row.seq, row.name, row.is_told or subject in row.name)
        for row in await tx.rows(query)
    ]


async def list_of_calls(tx: Reading, session: UUID, calls: Sequence[UUID]) -> list[int]:
    """Return the events of a session whose bodies speak of one of these calls."""
    rows = await tx.rows(
        _OF_CALLS.bindparams(
            sa.bindparam("tenant", tx.tenant_id, type_=sa.Uuid),
            sa.bindparam("stream", session, type_=sa.Uuid),
            sa.bindparam("calls", [str(call) for call in calls], type_=postgresql.ARRAY(sa.Text)),
        )
    )
    return [row.seq for row in rows]


async def list_named(tx: Reading, session: UUID, seqs: Sequence[int]) -> list[UUID]:
    """Return the calls that these bodies of a session speak of."""
    rows = await tx.rows(
        _NAMED.bindparams(
            sa.bindparam("tenant", tx.tenant_id, type_=sa.Uuid),
            sa.bindparam("stream", session, type_=sa.Uuid),
            sa.bindparam("seqs", list(seqs), type_=postgresql.ARRAY(sa.BigInteger)),
        )
    )
    named = {text for row in rows for text in (row.one, row.other) if text}
    return [UUID(text) for text in sorted(named)]


async def count_kept(tx: Reading, subject: str, needles: list[bytes]) -> list[KeptPlace]:
    """Return the places where the subject stands and stays, with how many rows hold it."""
    found = []
    for place in PLACES:
        table = METADATA.tables[f"{SCHEMA}.{place.table}"]
        told = [_stands(table.c[name], subject, needles) for name in place.columns]
        query = sa.select(sa.func.count()).where(table.c.tenant_id == tx.tenant_id, sa.or_(*told))
        ((rows,),) = await tx.rows(query)
        if rows:
            found.append(KeptPlace(place=place.table, rows=rows, why=place.why))
    return found


def _stands(
    column: "sa.Column[object]", subject: str, needles: list[bytes]
) -> sa.ColumnElement[bool]:
    """Tell whether a text stands in a column, whatever its type; in JSON as it is written there."""
    told: sa.ColumnElement[object]
    match column.type:
        case sa.LargeBinary():
            told = sa.func.encode(column, "hex")
            wanted = [each.hex() for each in dict.fromkeys((*needles, subject.encode()))]
        case sa.Text():
            told, wanted = column, [subject, *(each.decode() for each in needles)]
        case _:
            told, wanted = sa.cast(column, sa.Text), [each.decode() for each in needles]
    return sa.or_(*[sa.func.strpos(told, each) > 0 for each in wanted])


def _paged(
    query: sa.TextClause, tx: Reading, after: tuple[UUID, UUID] | None, limit: int
) -> sa.TextClause:
    session, last = after or (_NOWHERE, _NOWHERE)
    return query.bindparams(
        sa.bindparam("tenant", tx.tenant_id, type_=sa.Uuid),
        sa.bindparam("session", session, type_=sa.Uuid),
        sa.bindparam("id", last, type_=sa.Uuid),
        sa.bindparam("most", limit),
    )


def _needles(needles: list[bytes]) -> "sa.BindParameter[object]":
    return sa.bindparam("needles", needles, type_=postgresql.ARRAY(sa.LargeBinary))
