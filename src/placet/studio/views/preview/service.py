"""Showing an approval preview."""

import asyncio
from uuid import UUID

from placet.storage.database import Reading
from placet.studio.requests.model import RequestNotFound
from placet.studio.views.preview import rules, store
from placet.studio.views.preview.model import ApprovalPreview, PreviewFacts


async def read_preview(tx: Reading, request_id: UUID) -> PreviewFacts:
    """Return what a preview is made of, in one statement. Refuses `request_not_found`."""
    facts = await store.find_preview(tx, request_id)
    if facts is None:
        raise RequestNotFound(detail="there is no approval request with this id")
    return facts


async def draw_preview(facts: PreviewFacts) -> ApprovalPreview:
    """Return the preview of what was read. No transaction may be open."""
    return await asyncio.to_thread(rules.preview_of, facts)
