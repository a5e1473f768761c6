"""Questions about proposals, and the rows that are added."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.storage.database import Reading, Writing, fields_of
from placet.studio.inferred_rules.model import InferredRule, InferredRuleNotFound
from placet.studio.inferred_rules.tables import INFERRED_RULE


async def insert_rule(tx: Writing, rule: InferredRule) -> bool:
    """Add a proposal. Returns whether it was not proposed from these sources before."""
    # Race: of two that are added at once, the second waits here for the first and adds nothing.
    added = postgresql.insert(INFERRED_RULE).values(fields_of(rule)).on_conflict_do_nothing()
    return await tx.change(added) == 1


async def get_rule(tx: Reading, inferred_rule_id: UUID, workspace_id: UUID) -> InferredRule:
    """Return a proposal of a workspace. Refuses `inferred_rule_not_found`."""
    found = await tx.find(
        InferredRule,
        sa.select(INFERRED_RULE).where(
            INFERRED_RULE.c.tenant_id == tx.tenant_id,
            INFERRED_RULE.c.inferred_rule_id == inferred_rule_id,
            INFERRED_RULE.c.workspace_id == workspace_id,
        ),
    )
    if found is None:
        raise InferredRuleNotFound(detail="there is no inferred rule with this id")
    return found


async def list_rules(
    tx: Reading,
    workspace_id: UUID,
    source_snapshot_hash: str,
    *,
    after: UUID | None,
    limit: int,
) -> list[InferredRule]:
    """Return up to `limit` proposals from these sources in the order of their making, after one."""
    query = sa.select(INFERRED_RULE).where(
        INFERRED_RULE.c.tenant_id == tx.tenant_id,
        INFERRED_RULE.c.workspace_id == workspace_id,
        INFERRED_RULE.c.source_snapshot_hash == source_snapshot_hash,
    )
    if after is not None:
        query = query.where(INFERRED_RULE.c.inferred_rule_id > after)
    return await tx.list(
        InferredRule, query.order_by(INFERRED_RULE.c.inferred_rule_id).limit(limit)
    )
