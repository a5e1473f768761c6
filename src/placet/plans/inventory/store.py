"""Questions about the tools that agents offer, and the versions that are kept."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from placet.kernel.principal import Environment
from placet.plans.inventory.model import VERSIONS_MAX, InventoryTool
from placet.plans.inventory.tables import INVENTORY_TOOL
from placet.storage.database import Reading, Writing, fields_of

_TOOL = INVENTORY_TOOL.c


def keep_statement(versions: Sequence[InventoryTool]) -> sa.Insert:
    """Return the change that adds versions, or notes that those known were seen again."""
    # Race: two reports lock the rows that both name in the order of the key, so neither waits for
    # ever. `versions` comes in that order.
    added = postgresql.insert(INVENTORY_TOOL).values([fields_of(one) for one in versions])
    return added.on_conflict_do_update(
        index_elements=["tenant_id", "agent", "environment", "tool", "version_hash"],
        set_={"last_seen_at": sa.func.greatest(_TOOL.last_seen_at, added.excluded.last_seen_at)},
    )


async def keep_versions(tx: Writing, versions: Sequence[InventoryTool]) -> None:
    """Keep the versions of one agent in one environment, and forget the longest unseen beyond."""
    if not versions:
        return
    await tx.change(keep_statement(versions))
    agent, environment = versions[0].agent, versions[0].environment
    beyond = (
        sa.select(_TOOL.tool, _TOOL.version_hash)
        .where(*_of(tx, agent, environment))
        .order_by(_TOOL.last_seen_at.desc(), _TOOL.tool, _TOOL.version_hash)
        .offset(VERSIONS_MAX)
    )
    await tx.change(
        sa.delete(INVENTORY_TOOL).where(
            *_of(tx, agent, environment),
            sa.tuple_(_TOOL.tool, _TOOL.version_hash).in_(beyond),
        )
    )


async def list_inventory(
    tx: Reading, agent: str, environment: Environment, *, since: datetime | None = None
) -> list[InventoryTool]:
    """Return every version that an agent was seen to offer, `since` a moment if one is named.

    At most 1,000, by name, the version that was seen last first.
    """
    query = sa.select(INVENTORY_TOOL).where(*_of(tx, agent, environment))
    if since is not None:
        query = query.where(_TOOL.last_seen_at >= since)
    ordered = query.order_by(_TOOL.tool, _TOOL.last_seen_at.desc(), _TOOL.version_hash)
    return await tx.list(InventoryTool, ordered.limit(VERSIONS_MAX))


async def list_page(
    tx: Reading,
    agent: str,
    environment: Environment,
    *,
    after: tuple[str, str] | None,
    limit: int,
) -> list[InventoryTool]:
    """Return up to `limit` versions in the order of the key, after the one named."""
    query = sa.select(INVENTORY_TOOL).where(*_of(tx, agent, environment))
    if after is not None:
        query = query.where(sa.tuple_(_TOOL.tool, _TOOL.version_hash) > sa.tuple_(*after))
    ordered = query.order_by(_TOOL.tool, _TOOL.version_hash)
    return await tx.list(InventoryTool, ordered.limit(limit))


def _of(tx: Reading, agent: str, environment: Environment) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _TOOL.tenant_id == tx.tenant_id,
        _TOOL.agent == agent,
        _TOOL.environment == environment,
    )
