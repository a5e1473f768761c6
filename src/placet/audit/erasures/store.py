"""The one way to erase bodies, and which of them there are."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.audit.erasures.model import BodiesErased, Erasable, ErasureWhy, StreamClass
from placet.events.model import NewEvent
from placet.storage.database import Reading, Writing

SEQ_MAX: Final = 2**53 - 1

_ERASE: Final = sa.text(
    "SELECT code, erased FROM placet.event_erase_v1"
    "(:stream, :erasure, :why, :seqs, :actor, :event, :salt, :body)"
).bindparams(
    sa.bindparam("stream", type_=sa.Uuid),
    sa.bindparam("erasure", type_=sa.Uuid),
    sa.bindparam("seqs", type_=postgresql.ARRAY(sa.BigInteger)),
    sa.bindparam("actor", type_=sa.Uuid),
    sa.bindparam("event", type_=sa.Uuid),
)
_ERASABLE: Final = sa.text("SELECT placet.event_erasable_v1(:tenant, :stream, :why)").bindparams(
    sa.bindparam("tenant", type_=sa.Uuid), sa.bindparam("stream", type_=sa.Uuid)
)
_CLASS: Final = sa.text(
    """
    SELECT 'session' AS kind FROM placet.replay_session AS s
    WHERE s.tenant_id = :tenant AND s.session_id = :stream
    UNION ALL SELECT t.kind FROM placet.event_stream AS t
    WHERE t.tenant_id = :tenant AND t.stream_id = :stream AND t.kind IN ('workspace', 'run')
    """
).bindparams(sa.bindparam("tenant", type_=sa.Uuid), sa.bindparam("stream", type_=sa.Uuid))
_PRESENT: Final = sa.text(
    """
    SELECT b.seq FROM placet.event_body AS b
    JOIN placet.event AS e
        ON e.tenant_id = b.tenant_id AND e.stream_id = b.stream_id AND e.seq = b.seq
    WHERE b.tenant_id = :tenant AND b.stream_id = :stream
      AND placet.event_type_goes_v1(:kind, e.type)
      AND (CAST(:seqs AS bigint[]) IS NULL OR b.seq = ANY (:seqs))
    ORDER BY b.seq
    """
).bindparams(
    sa.bindparam("tenant", type_=sa.Uuid),
    sa.bindparam("stream", type_=sa.Uuid),
    sa.bindparam("seqs", type_=postgresql.ARRAY(sa.BigInteger)),
)


# The bodies of a batch. One more is looked at than a batch has room for: `there` tells of it.
_BATCH: Final = sa.text(
    """
    SELECT f.seq, f.there FROM (
        SELECT k.seq, row_number() OVER w AS nth, sum(k.size) OVER w - k.size AS behind,
               count(*) OVER () AS there
        FROM (
            SELECT b.seq, octet_length(b.body) AS size FROM placet.event_body AS b
            JOIN placet.event AS e
                ON e.tenant_id = b.tenant_id AND e.stream_id = b.stream_id AND e.seq = b.seq
            WHERE b.tenant_id = :tenant AND b.stream_id = :stream
              AND placet.event_type_goes_v1(:kind, e.type)
              AND (CAST(:seqs AS bigint[]) IS NULL OR b.seq = ANY (:seqs))
              AND b.seq <= :until
            ORDER BY b.seq LIMIT :most + 1
        ) AS k
        WINDOW w AS (ORDER BY k.seq ROWS UNBOUNDED PRECEDING)
    ) AS f
    WHERE f.nth <= :most AND f.behind < :size
    ORDER BY f.seq
    """
).bindparams(
    sa.bindparam("tenant", type_=sa.Uuid),
    sa.bindparam("stream", type_=sa.Uuid),
    sa.bindparam("seqs", type_=postgresql.ARRAY(sa.BigInteger)),
    sa.bindparam("most", type_=sa.BigInteger),
)


async def hold_erasable(tx: Writing, stream: UUID, why: ErasureWhy) -> str:
    """Hold a stream until the transaction ends. Returns its class, or why nothing of it may go.

    That is `unknown`, `kept`, `open` or `unsettled`.
    """
    rows = await tx.rows(_ERASABLE.bindparams(tenant=tx.tenant_id, stream=stream, why=why.value))
    found: str = rows[0][0]
    return found


async def find_class(tx: Reading, stream: UUID) -> StreamClass | None:
    """Return the class of a stream of which bodies may be erased some day, or None."""
    rows = await tx.rows(_CLASS.bindparams(tenant=tx.tenant_id, stream=stream))
    return StreamClass(rows[0].kind) if rows else None


async def list_present(tx: Reading, place: Erasable) -> list[int]:
    """Return the events whose bodies are there and may be erased."""
    query = _PRESENT.bindparams(
        tenant=tx.tenant_id,
        stream=place.stream_id,
        kind=place.stream_class.value,
        seqs=None if place.seqs is None else list(place.seqs),
    )
    return [row.seq for row in await tx.rows(query)]


async def list_batch(
    tx: Reading, place: Erasable, *, until: int, most: int, size: int
) -> tuple[list[int], bool]:
    """Return the first events up to `until` whose bodies may be erased, and whether no more are.

    There are up to `most`, and the one by which they have `size` bytes is the last.
    """
    query = _BATCH.bindparams(
        tenant=tx.tenant_id,
        stream=place.stream_id,
        kind=place.stream_class.value,
        seqs=None if place.seqs is None else list(place.seqs),
        until=until,
        most=most,
        size=size,
    )
    rows = await tx.rows(query)
    return [row.seq for row in rows], not rows or len(rows) == rows[0].there


async def erase(tx: Writing, said: BodiesErased, seqs: Sequence[int], event: NewEvent) -> str:
    """Erase these bodies, as the event says that tells of it.

    Returns the function's code: `ok`, or why nothing was done. Comes last in a transaction: the
    tenant's `erasures` stream is held from here on.
    """
    row = await tx.returning(
        _ERASE.bindparams(
            stream=said.stream_id,
            erasure=said.erasure_id,
            why=said.why.value,
            seqs=list(seqs),
            actor=tx.actor_id,
            event=event.event_id,
            salt=event.salt,
            body=event.body,
        )
    )
    assert row is not None, "the function returns one row"  # noqa: S101 -- it has OUT parameters
    code: str = row.code
    return code
