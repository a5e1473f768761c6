"""Which sources a draft may list, and which spans a command may rest on."""

from collections.abc import Mapping, Sequence
from typing import cast
from uuid import UUID

import msgspec

from placet.kernel.foreign import Json
from placet.studio.drafts.contract_reading import invalid
from placet.studio.drafts.grounds.model import DRAFT_SOURCES_MAX, NameSpan, SourceSpan
from placet.studio.drafts.standing import Standing
from placet.studio.sources.model import (
    CountedSource,
    IngestionStatus,
    SourcePart,
    SourceSummary,
)


def count_source(standing: Standing, source: SourceSummary) -> CountedSource:
    """Return what a source counts with from now on. Refuses `contract_invalid`."""
    if source.content_hash is None or source.ingestion_status is not IngestionStatus.INDEXED:
        raise invalid(
            code="source_not_usable",
            path="$.source_id",
            message=f"the source is `{source.security_status}` and `{source.ingestion_status}`",
        )
    if source.source_id in standing.sources:
        raise invalid(
            code="source_listed",
            path="$.source_id",
            message="the draft counts this source already",
        )
    if len(standing.sources) >= DRAFT_SOURCES_MAX:
        raise invalid(
            code="too_many_sources",
            path="$.source_id",
            message=f"a draft counts at most {DRAFT_SOURCES_MAX} sources",
        )
    return CountedSource(
        source_id=source.source_id,
        kind=source.kind,
        media_type=source.media_type,
        content_hash=source.content_hash,
    )


def check_listed(standing: Standing, source_id: UUID, path: str) -> CountedSource:
    """Return a source that a draft counts. Refuses `contract_invalid`."""
    listed = standing.sources.get(source_id)
    if listed is None:
        raise invalid(
            code="unknown_source", path=path, message="the draft counts no source with this id"
        )
    return listed.source


def spans_of(
    standing: Standing,
    named: Sequence[NameSpan],
    parts: Mapping[tuple[UUID, str], SourcePart],
) -> list[SourceSpan]:
    """Return the spans that a command rests on, each once. Refuses `contract_invalid`."""
    spans: dict[NameSpan, SourceSpan] = {}
    for index, span in enumerate(named):
        source = check_listed(standing, span.source_id, f"$.sources[{index}].source_id")
        part = parts.get((span.source_id, span.part_id))
        if part is None:
            raise invalid(
                code="unknown_part",
                path=f"$.sources[{index}].part_id",
                message=f"the source has no part `{span.part_id}`",
            )
        spans[span] = span_of(source, part)
    return list(spans.values())


def kept(value: object) -> Json:
    """Return a value as it is kept with a command."""
    return cast("Json", msgspec.to_builtins(value))


def united(*fields: Mapping[str, Json]) -> Json:
    """Return the spans that several of a command's fields hold, as they are kept, each once."""
    spans: list[Json] = []
    for each in fields:
        found = cast("list[Json]", each.get("sources", []))
        spans += [span for span in found if span not in spans]
    return spans


def span_of(source: CountedSource, part: SourcePart) -> SourceSpan:
    """Return a part of a listed source as a command keeps it."""
    return SourceSpan(
        source_id=source.source_id,
        content_hash=source.content_hash,
        part_id=part.part_id,
        kind=part.kind,
        path=part.path,
        label=part.label,
        first_line=part.first_line,
        last_line=part.last_line,
    )
