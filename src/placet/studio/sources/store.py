"""Questions about sources, and the row that is added."""

from collections.abc import Collection
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.storage.database import Reading, Writing, fields_of
from placet.studio.sources.model import (
    NAMED_TOOLS_MAX,
    BusinessSource,
    CountedSource,
    IngestionStatus,
    NamedTool,
    PartKind,
    SecurityStatus,
    SourceAnswer,
    SourceNotFound,
    SourcePart,
    SourceSummary,
)
from placet.studio.sources.tables import SOURCE

_LONG = {"tenant_id", "content", "findings", "parts"}
_SUMMARY = (
    *(column for column in SOURCE.c if column.name not in _LONG),
    sa.func.octet_length(SOURCE.c.content).label("content_bytes"),
    sa.func.jsonb_array_length(SOURCE.c.parts).label("part_count"),
)


def insert_statement(source: BusinessSource) -> sa.Insert:
    """Return the insert that gives way to a source of the same content in the workspace."""
    # Race: of two that are added at once, the second waits here for the first and adds nothing.
    return postgresql.insert(SOURCE).values(fields_of(source)).on_conflict_do_nothing()


async def insert_source(tx: Writing, source: BusinessSource) -> bool:
    """Add a source. Returns whether its workspace had none of the same content."""
    return await tx.change(insert_statement(source)) == 1


async def find_same(tx: Reading, source: BusinessSource) -> SourceSummary | None:
    """Return the workspace's source of the same kind, media type and content."""
    return await tx.find(
        SourceSummary,
        sa.select(*_SUMMARY).where(
            SOURCE.c.tenant_id == tx.tenant_id,
            SOURCE.c.workspace_id == source.workspace_id,
            SOURCE.c.kind == source.kind,
            SOURCE.c.media_type == source.media_type,
            SOURCE.c.content_hash == source.content_hash,
        ),
    )


async def get_source(
    tx: Reading, source_id: UUID, workspace_id: UUID | None = None
) -> SourceAnswer:
    """Return a source without its content, of this workspace if one is named.

    Refuses `source_not_found`.
    """
    query = sa.select(*_SUMMARY, SOURCE.c.findings, SOURCE.c.parts).where(
        SOURCE.c.tenant_id == tx.tenant_id, SOURCE.c.source_id == source_id
    )
    if workspace_id is not None:
        query = query.where(SOURCE.c.workspace_id == workspace_id)
    found = await tx.find(SourceAnswer, query)
    if found is None:
        raise _not_found()
    return found


async def get_content(tx: Reading, source_id: UUID) -> bytes:
    """Return what is kept of a source's content. Refuses `source_not_found`."""
    rows = await tx.rows(
        sa.select(SOURCE.c.content).where(
            SOURCE.c.tenant_id == tx.tenant_id, SOURCE.c.source_id == source_id
        )
    )
    if not rows:
        raise _not_found()
    return bytes(rows[0].content)


async def list_sources(
    tx: Reading, workspace_id: UUID, *, after: UUID | None, limit: int
) -> list[SourceSummary]:
    """Return up to `limit` sources in the order of their adding, after the one named."""
    query = sa.select(*_SUMMARY).where(
        SOURCE.c.tenant_id == tx.tenant_id, SOURCE.c.workspace_id == workspace_id
    )
    if after is not None:
        query = query.where(SOURCE.c.source_id > after)
    return await tx.list(SourceSummary, query.order_by(SOURCE.c.source_id).limit(limit))


async def list_counted(tx: Reading, workspace_id: UUID) -> list[CountedSource]:
    """Return every source of a workspace that counts: clean or redacted, and indexed."""
    return await tx.list(
        CountedSource,
        sa.select(SOURCE.c.source_id, SOURCE.c.kind, SOURCE.c.media_type, SOURCE.c.content_hash)
        .where(
            SOURCE.c.tenant_id == tx.tenant_id,
            SOURCE.c.workspace_id == workspace_id,
            SOURCE.c.security_status.in_((SecurityStatus.CLEAN, SecurityStatus.REDACTED)),
            SOURCE.c.ingestion_status == IngestionStatus.INDEXED,
        )
        .order_by(SOURCE.c.source_id),
    )


async def list_parts(
    tx: Reading, named: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], SourcePart]:
    """Return those of the named parts that there are, by source and part."""
    part = sa.func.jsonb_array_elements(SOURCE.c.parts).table_valued("value").alias("part")
    at = part.c.value.op("->>")("part_id")
    rows = await tx.rows(
        sa.select(SOURCE.c.source_id, part.c.value.label("part"))
        .select_from(SOURCE)
        .join(part, sa.true())
        .where(
            SOURCE.c.tenant_id == tx.tenant_id,
            SOURCE.c.source_id.in_({source_id for source_id, _ in named}),
            at.in_({part_id for _, part_id in named}),
        )
    )
    parts = [(row.source_id, msgspec.convert(row.part, SourcePart)) for row in rows]
    found = {(source_id, part.part_id): part for source_id, part in parts}
    return {key: found[key] for key in named if key in found}


async def list_tools(tx: Reading, source_ids: Collection[UUID]) -> list[NamedTool]:
    """Return the tools that these sources list or call, by name, at most `NAMED_TOOLS_MAX`."""
    part = sa.func.jsonb_array_elements(SOURCE.c.parts).table_valued("value").alias("part")
    label, kind = part.c.value.op("->>")("label"), part.c.value.op("->>")("kind")
    query = (
        sa.select(
            label.label("name"),
            sa.func.count().filter(kind == PartKind.TOOL.value).label("listed"),
            sa.func.count().filter(kind == PartKind.CALL.value).label("called"),
        )
        .select_from(SOURCE)
        .join(part, sa.true())
        .where(
            SOURCE.c.tenant_id == tx.tenant_id,
            SOURCE.c.source_id.in_(source_ids),
            kind.in_((PartKind.TOOL.value, PartKind.CALL.value)),
            label.is_not(None),
        )
        .group_by(label)
        .order_by(sa.collate(label, "C"))
        .limit(NAMED_TOOLS_MAX)
    )
    return await tx.list(NamedTool, query)


def _not_found() -> SourceNotFound:
    return SourceNotFound(detail="there is no source with this id")
