"""Questions about what bodies, calls and receipts hold, a page at a time.

A page has so many rows at most, and ends with the one that fills it up by bytes: whatever is kept,
a statement reads little.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.audit.subjects.looks.model import Key, Met, Named, Table, Wanted
from placet.storage.database import Reading

ROWS_AT_ONCE: Final = 1_000
BYTES_AT_ONCE: Final = 4 * 1024 * 1024

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


def _page(key: str, size: str, rows: str) -> str:
    """Return the SQL of a page: the first of these rows in the order of a key, up to the bytes."""
    return f"""
    SELECT f.* FROM (
        SELECT k.*, sum({size}) OVER (ORDER BY {key} ROWS UNBOUNDED PRECEDING) - {size} AS behind
        FROM ({rows} ORDER BY {key} LIMIT :most) AS k
    ) AS f WHERE f.behind < :bytes
    """  # noqa: S608 -- put together from texts of this file alone


# Types that may hold the text inside an envelope are read whole.
_BODIES: Final = f"""
SELECT p.stream_id AS stream, p.seq, NULL AS call, false AS is_told, CASE
    WHEN e.type IN ('SessionOpened', 'ReceiptReceived', 'OrphanReceiptKept') THEN p.body
    WHEN {_may_hold("p.body")} THEN p.body
    END AS text, p.stream_id AS k1, p.seq AS k2, NULL AS k3
FROM ({
    _page(
        "stream_id, seq",
        "octet_length(body)",
        '''
        SELECT b.tenant_id, b.stream_id, b.seq, b.body FROM placet.event_body AS b
        WHERE b.tenant_id = :tenant AND (b.stream_id, b.seq) > (:k1, CAST(:k2 AS bigint))
        ''',
    )
}) AS p
JOIN placet.event AS e
    ON e.tenant_id = p.tenant_id AND e.stream_id = p.stream_id AND e.seq = p.seq
ORDER BY p.stream_id, p.seq
"""  # noqa: S608 -- put together from texts of this file alone
_CALLS: Final = f"""
SELECT p.session_id AS stream, NULL AS seq, p.call_id AS call, false AS is_told,
       CASE WHEN {_may_hold("p.arguments")} THEN p.arguments END AS text,
       p.session_id AS k1, p.call_id AS k2, NULL AS k3
FROM ({
    _page(
        "session_id, call_id",
        "octet_length(arguments)",
        '''
        SELECT c.session_id, c.call_id, c.arguments FROM placet.replay_pending_call AS c
        WHERE c.tenant_id = :tenant AND (c.session_id, c.call_id) > (:k1, CAST(:k2 AS uuid))
        ''',
    )
}) AS p
ORDER BY p.session_id, p.call_id
"""  # noqa: S608 -- put together from texts of this file alone
_RECEIPTS: Final = f"""
SELECT p.session_id AS stream, NULL AS seq, p.pending_call_id AS call,
       EXISTS (
           SELECT FROM unnest(CAST(:needles AS bytea[]) || convert_to(:subject, 'UTF8')) AS n
           WHERE position(
               n IN convert_to(concat_ws(chr(10), p.external_ref, p.error), 'UTF8')) > 0
       ) AS is_told,
       CASE WHEN {_may_hold("p.output")} THEN p.output END AS text,
       p.session_id AS k1, p.receipt_id AS k2, NULL AS k3
FROM ({
    _page(
        "session_id, receipt_id",
        "coalesce(octet_length(output), 0)",
        '''
        SELECT r.session_id, r.receipt_id, r.pending_call_id, r.output, r.external_ref, r.error
        FROM placet.replay_execution_receipt AS r
        WHERE r.tenant_id = :tenant AND (r.session_id, r.receipt_id) > (:k1, CAST(:k2 AS uuid))
        ''',
    )
}) AS p
ORDER BY p.session_id, p.receipt_id
"""  # noqa: S608 -- put together from texts of this file alone
_ARTIFACTS: Final = f"""
SELECT p.stream_id AS stream, p.seq, NULL AS call, position(:subject IN p.name) > 0 OR EXISTS (
    SELECT FROM unnest(CAST(:needles AS bytea[]) || convert_to(:subject, 'UTF8')) AS n
    WHERE position(n IN p.content) > 0
    ) AS is_told, NULL AS text, p.stream_id AS k1, p.seq AS k2, p.name AS k3
FROM ({
    _page(
        "stream_id, seq, name",
        "size",
        '''
        SELECT l.stream_id, l.seq, l.name, a.size, a.content
        FROM placet.event_artifact_link AS l
        JOIN placet.event_artifact AS a ON a.tenant_id = l.tenant_id AND a.digest = l.digest
        WHERE l.tenant_id = :tenant
          AND (l.stream_id, l.seq, l.name) > (:k1, CAST(:k2 AS bigint), :k3)
        ''',
    )
}) AS p
ORDER BY p.stream_id, p.seq, p.name
"""  # noqa: S608 -- put together from texts of this file alone
_PRINCIPALS: Final = """
SELECT p.session_id AS stream, NULL AS seq, NULL AS call,
       EXISTS (SELECT FROM jsonb_each_text(p.principal) AS a WHERE a.value = :subject) AS is_told,
       NULL AS text, p.session_id AS k1, NULL AS k2, NULL AS k3
FROM (
    SELECT s.session_id, s.principal FROM placet.replay_session AS s
    WHERE s.tenant_id = :tenant AND s.session_id > :k1
    ORDER BY s.session_id LIMIT :most
) AS p
ORDER BY p.session_id
"""
_NAMED: Final = f"""
SELECT p.seq, j.said ->> 'call_id' AS one, j.said ->> 'new_call_id' AS other
FROM ({
    _page(
        "seq",
        "octet_length(body)",
        '''
        SELECT b.seq, b.body FROM placet.event_body AS b
        WHERE b.tenant_id = :tenant AND b.stream_id = :stream AND b.seq > :after
        ''',
    )
}) AS p
CROSS JOIN LATERAL (SELECT convert_from(p.body, 'UTF8')::json AS said) AS j
ORDER BY p.seq
"""  # noqa: S608 -- put together from texts of this file alone

# Where each begins: before every key that there is.
_LOOKS: Final[Mapping[Table, tuple[str, Key]]] = {
    Table.BODIES: (_BODIES, (_NOWHERE, 0)),
    Table.CALLS: (_CALLS, (_NOWHERE, _NOWHERE)),
    Table.RECEIPTS: (_RECEIPTS, (_NOWHERE, _NOWHERE)),
    Table.ARTIFACTS: (_ARTIFACTS, (_NOWHERE, 0, "")),
    Table.PRINCIPALS: (_PRINCIPALS, (_NOWHERE,)),
}


async def page(tx: Reading, table: Table, wanted: Wanted, after: Key | None) -> list[Met]:
    """Return the next rows of a table, in the order of their keys; none at its end.

    Of those that may hold what is wanted the text too, to be read as JSON.
    """
    text, start = _LOOKS[table]
    asked = {
        "tenant": sa.bindparam("tenant", tx.tenant_id, type_=sa.Uuid),
        "needles": sa.bindparam(
            "needles", list(wanted.needles), type_=postgresql.ARRAY(sa.LargeBinary)
        ),
        "subject": sa.bindparam("subject", wanted.subject),
        "most": sa.bindparam("most", ROWS_AT_ONCE),
        "bytes": sa.bindparam("bytes", BYTES_AT_ONCE),
        **{
            f"k{at}": sa.bindparam(f"k{at}", part)
            for at, part in enumerate(start if after is None else after, 1)
        },
    }
    query = sa.text(text)
    named = query.compile().params
    rows = await tx.rows(query.bindparams(*[asked[name] for name in named]))
    return [
        Met(
            key=(row.k1, row.k2, row.k3)[: len(start)],
            stream=row.stream,
            seq=row.seq,
            call=row.call,
            is_told=row.is_told,
            text=row.text,
        )
        for row in rows
    ]


async def page_named(tx: Reading, session: UUID, after: int) -> list[Named]:
    """Return the next bodies of a session, each with the calls that it speaks of."""
    query = sa.text(_NAMED).bindparams(
        sa.bindparam("tenant", tx.tenant_id, type_=sa.Uuid),
        sa.bindparam("stream", session, type_=sa.Uuid),
        after=after,
        most=ROWS_AT_ONCE,
        bytes=BYTES_AT_ONCE,
    )
    return [
        Named(seq=row.seq, calls=tuple(UUID(text) for text in (row.one, row.other) if text))
        for row in await tx.rows(query)
    ]
