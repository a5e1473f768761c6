"""What commands on sources, and spans of sources, are kept with."""

from collections.abc import Sequence
from uuid import UUID

from placet.kernel.foreign import Json
from placet.storage.database import Reading
from placet.studio.draft_sources import rules
from placet.studio.draft_sources.model import DraftSourcesAnswer
from placet.studio.drafts import store as drafts
from placet.studio.drafts.grounds.model import AddDraftSource, NameSpan, RetireDraftSource
from placet.studio.drafts.model import BusinessDraft
from placet.studio.drafts.standing import STANDING, Standing, standing_of
from placet.studio.sources import rules as source_rules
from placet.studio.sources import store as sources


async def read_standing(tx: Reading, draft: BusinessDraft) -> Standing:
    """Return what stands beside the contract of a draft as it was read."""
    return standing_of(await drafts.list_history(tx, draft, STANDING))


async def source_fields(
    tx: Reading, draft: BusinessDraft, command: AddDraftSource | RetireDraftSource
) -> dict[str, Json]:
    """Return what a command on a source is kept with.

    Refuses `source_not_found` and `contract_invalid`.
    """
    standing = await read_standing(tx, draft)
    if isinstance(command, RetireDraftSource):
        rules.check_listed(standing, command.source_id, "$.source_id")
        return {}
    source = await sources.get_source(tx, command.source_id, draft.workspace_id)
    return {"source": rules.kept(rules.count_source(standing, source))}


async def span_fields(
    tx: Reading, draft: BusinessDraft, named: Sequence[NameSpan]
) -> dict[str, Json]:
    """Return the spans that a command is kept with. Refuses `contract_invalid`."""
    if not named:
        return {}
    standing = await read_standing(tx, draft)
    parts = await sources.list_parts(tx, {(span.source_id, span.part_id) for span in named})
    return {"sources": rules.kept(rules.spans_of(standing, named, parts))}


async def show_sources(tx: Reading, draft_id: UUID) -> DraftSourcesAnswer:
    """Return the sources that a draft counts. Refuses `draft_not_found`."""
    draft = await drafts.get_draft(tx, draft_id)
    standing = await read_standing(tx, draft)
    return DraftSourcesAnswer(
        draft_id=draft.draft_id,
        version=draft.current_version,
        source_snapshot_hash=source_rules.source_snapshot_hash(standing.counted()),
        sources=list(standing.sources.values()),
    )
