"""How the tools that agents offer are kept."""

import sqlalchemy as sa

from placet.plans.inventory.model import InventoryTool
from placet.storage.columns import table

INVENTORY_TOOL = table(
    "plans_inventory_tool",
    InventoryTool,
    sa.CheckConstraint("(schema_hash IS NULL) = (input_schema IS NULL)", name="schema_has_hash"),
    key=("agent", "environment", "tool", "version_hash"),
    updates=("last_seen_at",),
    deletes=True,
)
