"""Questions and changes about policies, exports, and streams that are due."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.audit.erasures.model import StreamClass
from placet.audit.retention.model import (
    AuditExport,
    AuditExportStream,
    AuditRetention,
    ClosedStream,
    Old,
)
from placet.audit.retention.tables import EXPORT, EXPORT_STREAM, RETENTION
from placet.events.model import StreamKind, tenant_stream
from placet.storage.database import Reading, Writing, fields_of

AT_ONCE: Final = 1_000
"""Rows of one statement."""

EXPORT_TAKES: Final = timedelta(hours=1)
"""After how long an export that was begun and not recorded is taken to have been given up."""

_FACTS: Final = """
    EXISTS (
        SELECT FROM placet.evidence_log_entry AS n
        WHERE n.tenant_id = c.tenant_id AND n.stream_id = c.stream_id AND n.seq = c.last_seq
          AND n.index < :log_size) AS is_logged,
    EXISTS (
        SELECT FROM placet.audit_export_stream AS x
        WHERE x.tenant_id = c.tenant_id AND x.stream_id = c.stream_id
          AND x.to_seq >= c.last_seq) AS is_exported
"""
_EXPORTING: Final = sa.text(
    """
    SELECT 1 FROM (
        SELECT e.tenant_id, e.stream_id, e.seq, e.type, e.at FROM placet.event AS e
        WHERE e.tenant_id = :tenant AND e.stream_id = :stream ORDER BY e.seq DESC LIMIT :most
    ) AS t
    JOIN placet.event_body AS b
        ON b.tenant_id = t.tenant_id AND b.stream_id = t.stream_id AND b.seq = t.seq
    WHERE t.type = 'BundleExported' AND t.at > clock_timestamp() - CAST(:lately AS interval)
      AND NOT EXISTS (
          SELECT FROM placet.audit_export AS x
          WHERE x.tenant_id = t.tenant_id
            AND x.export_id = (convert_from(b.body, 'UTF8')::json ->> 'export_id')::uuid)
    LIMIT 1
    """
).bindparams(
    sa.bindparam("tenant", type_=sa.Uuid),
    sa.bindparam("stream", type_=sa.Uuid),
    sa.bindparam("lately", type_=sa.Interval),
)
# What closed and has bodies still is noted when it closes, and no more when its last body goes.
_NOTED: Final = f"""
SELECT c.stream_id, c.closed_at, c.last_seq, true AS has_bodies,
    EXISTS (
        SELECT FROM placet.replay_pending_call AS p
        WHERE p.tenant_id = c.tenant_id AND p.session_id = c.stream_id
          AND p.status IN ('granted', 'unknown')) AS is_unsettled,
    {_FACTS}
FROM (
    SELECT k.tenant_id, k.stream_id, k.closed_at, coalesce(s.next_seq, t.next_seq) - 1 AS last_seq
    FROM (
        SELECT n.tenant_id, n.stream_id, n.closed_at FROM placet.audit_closed AS n
        WHERE n.tenant_id = :tenant AND n.stream_class = :class AND n.closed_at <= :until
          AND (n.closed_at, n.stream_id) > (:at, :stream)
        ORDER BY n.closed_at, n.stream_id LIMIT :most
    ) AS k
    LEFT JOIN placet.replay_session AS s
        ON s.tenant_id = k.tenant_id AND s.session_id = k.stream_id
    LEFT JOIN placet.event_stream AS t
        ON t.tenant_id = k.tenant_id AND t.stream_id = k.stream_id
) AS c
ORDER BY c.closed_at, c.stream_id
"""  # noqa: S608 -- put together from texts of this file alone
_ARCHIVED: Final = """
    SELECT w.tenant_id, w.workspace_id AS stream_id, t.last_at AS closed_at,
           t.next_seq - 1 AS last_seq
    FROM placet.studio_workspace AS w
    JOIN placet.event_stream AS t
        ON t.tenant_id = w.tenant_id AND t.stream_id = w.workspace_id
    WHERE w.tenant_id = :tenant AND w.status = 'archived' AND w.active_approval_id IS NULL
"""
_HAS_WORDS: Final = """
    EXISTS (
        SELECT FROM placet.event_body AS b
        JOIN placet.event AS e
            ON e.tenant_id = b.tenant_id AND e.stream_id = b.stream_id AND e.seq = b.seq
        WHERE b.tenant_id = c.tenant_id AND b.stream_id = c.stream_id
          AND placet.event_type_goes_v1('workspace', e.type)) AS has_bodies
"""
_WORKSPACES: Final = f"""
SELECT c.stream_id, c.closed_at, c.last_seq, {_HAS_WORDS}, false AS is_unsettled, {_FACTS}
FROM (
    {_ARCHIVED} AND t.last_at <= :until AND (t.last_at, w.workspace_id) > (:at, :stream)
    ORDER BY t.last_at, w.workspace_id LIMIT :most
) AS c
ORDER BY c.closed_at, c.stream_id
"""  # noqa: S608 -- the same
_NOTED_COUNTED: Final = """
SELECT (
    SELECT count(*) FROM placet.audit_closed AS n
    WHERE n.tenant_id = :tenant AND n.stream_class = :class AND n.closed_at > :until) AS young,
    coalesce((
        SELECT d.streams FROM placet.audit_pruned AS d
        WHERE d.tenant_id = :tenant AND d.stream_class = :class), 0) AS erased
"""
_WORKSPACES_COUNTED: Final = f"""
SELECT count(*) FILTER (WHERE h.has_bodies AND h.closed_at > :until) AS young,
       count(*) FILTER (WHERE NOT h.has_bodies) AS erased
FROM (SELECT c.closed_at, {_HAS_WORDS} FROM ({_ARCHIVED}) AS c) AS h
"""  # noqa: S608 -- the same
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Before anything that is kept here."""

_WHEN: Final = sa.DateTime(timezone=True)


async def insert_export(tx: Writing, export: AuditExport, streams: list[AuditExportStream]) -> None:
    """Keep an export that was written to its end, and how far it holds each stream."""
    await tx.insert(EXPORT, export)
    for at in range(0, len(streams), AT_ONCE):
        some = [fields_of(each) for each in streams[at : at + AT_ONCE]]
        await tx.change(sa.insert(EXPORT_STREAM).values(some))


async def count_exports(tx: Reading) -> tuple[int, datetime | None]:
    """Return how many exports were recorded, and when the newest was."""
    query = sa.select(
        sa.func.count().label("exports"), sa.func.max(EXPORT.c.recorded_at).label("last")
    )
    (row,) = await tx.rows(query.where(EXPORT.c.tenant_id == tx.tenant_id))
    return row.exports, row.last


async def is_exporting(tx: Reading) -> bool:
    """Tell whether an export was begun lately that was not written to its end yet."""
    stream = tenant_stream(tx.tenant_id, StreamKind.TENANCY)
    query = _EXPORTING.bindparams(
        tenant=tx.tenant_id, stream=stream, most=AT_ONCE, lately=EXPORT_TAKES
    )
    return bool(await tx.rows(query))


async def list_policies(tx: Reading) -> dict[StreamClass, AuditRetention]:
    """Return the policies of the tenant, by class."""
    query = sa.select(RETENTION).where(RETENTION.c.tenant_id == tx.tenant_id)
    return {each.stream_class: each for each in await tx.list(AuditRetention, query)}


async def hold_days(tx: Writing, stream_class: StreamClass) -> int | None:
    """Return for how many days a class keeps bodies, and keep it so until the transaction ends."""
    query = sa.select(RETENTION.c.days).where(
        RETENTION.c.tenant_id == tx.tenant_id, RETENTION.c.stream_class == stream_class
    )
    rows = await tx.rows(query.with_for_update(read=True))
    days: int | None = rows[0].days if rows else None
    return days


async def keep_policy(tx: Writing, policy: AuditRetention) -> None:
    """Put a policy in the place of the one of its class."""
    added = postgresql.insert(RETENTION).values(fields_of(policy))
    await tx.change(
        added.on_conflict_do_update(
            index_elements=[RETENTION.c.tenant_id, RETENTION.c.stream_class],
            set_={"days": policy.days, "set_by": policy.set_by, "set_at": policy.set_at},
        )
    )


async def page_closed(
    tx: Reading, old: Old, after: ClosedStream | None, *, limit: int
) -> list[ClosedStream]:
    """Return the next of these streams, the one that closed first first.

    Those of which no body is left are left out, but for workspaces. What stands beyond the size of
    the log is not `is_logged`.
    """
    is_workspace = old.stream_class is StreamClass.WORKSPACE
    query = sa.text(_WORKSPACES if is_workspace else _NOTED).bindparams(
        sa.bindparam("tenant", tx.tenant_id, type_=sa.Uuid),
        sa.bindparam("at", _EVER if after is None else after.closed_at, type_=_WHEN),
        sa.bindparam("stream", UUID(int=0) if after is None else after.stream_id, type_=sa.Uuid),
        sa.bindparam("until", old.until, type_=_WHEN),
        log_size=old.log_size,
        most=limit,
        **({} if is_workspace else {"class": old.stream_class.value}),
    )
    return [
        ClosedStream(
            stream_id=row.stream_id,
            closed_at=row.closed_at,
            last_seq=row.last_seq,
            has_bodies=row.has_bodies,
            is_unsettled=row.is_unsettled,
            is_logged=row.is_logged,
            is_exported=row.is_exported,
        )
        for row in await tx.rows(query)
    ]


async def count_closed(
    tx: Reading, stream_class: StreamClass, until: datetime | None
) -> tuple[int, int]:
    """Return how many streams of a class closed after `until` and have bodies, and how many none.

    Without `until` all that have bodies are counted.
    """
    is_workspace = stream_class is StreamClass.WORKSPACE
    query = sa.text(_WORKSPACES_COUNTED if is_workspace else _NOTED_COUNTED).bindparams(
        sa.bindparam("tenant", tx.tenant_id, type_=sa.Uuid),
        sa.bindparam("until", _EVER if until is None else until, type_=_WHEN),
        **({} if is_workspace else {"class": stream_class.value}),
    )
    (row,) = await tx.rows(query)
    return row.young, row.erased
