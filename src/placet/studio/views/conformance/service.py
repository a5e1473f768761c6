"""Showing conformance findings."""

import asyncio
from uuid import UUID

from placet.storage.database import Reading
from placet.studio.views.conformance import rules, store
from placet.studio.views.conformance.model import Conformance, ConformanceFacts
from placet.studio.workspaces.model import WorkspaceNotFound


async def read_conformance(tx: Reading, workspace_id: UUID) -> ConformanceFacts:
    """Return what findings are made of, in one statement. Refuses `workspace_not_found`."""
    facts = await store.find_conformance(tx, workspace_id)
    if facts is None:
        raise WorkspaceNotFound(detail="there is no workspace with this id")
    return facts


async def draw_conformance(facts: ConformanceFacts) -> Conformance:
    """Return the findings of what was read. No transaction may be open."""
    return await asyncio.to_thread(rules.conformance_of, facts)
