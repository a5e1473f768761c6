"""Drawing an Atlas."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from placet.plans.attachments.model import AttachmentCounts
from placet.plans.attachments.rules import is_converged
from placet.plans.rules import plan_at
from placet.storage.database import Reading
from placet.studio.views.atlas import rules, store
from placet.studio.views.atlas.model import Atlas, AtlasFacts, InstanceGroup
from placet.studio.views.model import ViewOf
from placet.studio.workspaces.model import WorkspaceNotFound


async def read_atlas(tx: Reading, workspace_id: UUID, of: ViewOf | None) -> AtlasFacts:
    """Return what an Atlas is made of, in one statement. Refuses `workspace_not_found`."""
    facts = await store.find_atlas(tx, workspace_id, of)
    if facts is None:
        raise WorkspaceNotFound(detail="there is no workspace with this id")
    return facts


async def draw_atlas(facts: AtlasFacts) -> Atlas:
    """Return the Atlas of what was read. No transaction may be open."""
    plan = plan_at(facts.plan, facts.as_of) if facts.plan else None
    counts = _counts(facts.instances, plan.compiled_hash if plan else None)
    return await asyncio.to_thread(rules.atlas_of, facts, plan, counts)


def _counts(groups: Sequence[InstanceGroup], in_force: str | None) -> AttachmentCounts:
    return AttachmentCounts(
        instances=sum(one.instances for one in groups),
        converged=sum(
            one.instances for one in groups if is_converged(one.status, one.compiled_hash, in_force)
        ),
        silent=sum(one.silent for one in groups),
    )
