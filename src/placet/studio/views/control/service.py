"""Showing a control path."""

import asyncio
from uuid import UUID

from placet.storage.database import Reading
from placet.studio.views.control import rules, store
from placet.studio.views.control.model import (
    NAME_MAX,
    ControlFacts,
    ControlPath,
    ControlQuery,
    ToolNotShown,
)
from placet.studio.workspaces.model import WorkspaceNotFound


async def read_control(
    tx: Reading, workspace_id: UUID, tool: str, asked: ControlQuery
) -> ControlFacts:
    """Return what a control path is made of, in one statement.

    Refuses `workspace_not_found`, and `tool_not_shown` for what can be no name.
    """
    is_name = 0 < len(tool) <= NAME_MAX and "\x00" not in tool
    facts = await store.find_control(tx, workspace_id, tool if is_name else "", asked)
    if facts is None:
        raise WorkspaceNotFound(detail="there is no workspace with this id")
    if not is_name:
        raise ToolNotShown(detail="this is no name of a tool")
    return facts


async def draw_control(facts: ControlFacts, tool: str, asked: ControlQuery) -> ControlPath:
    """Return the control path of what was read. No transaction may be open.

    Refuses `contract_not_shown` and `tool_not_shown`.
    """
    return await asyncio.to_thread(rules.control_of, facts, tool, asked.days)
