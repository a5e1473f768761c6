"""What holds for an agent now, and which of its processes run it."""

from collections.abc import AsyncIterator
from uuid import UUID

from placet.kernel.paging import PAGE_DEFAULT, PAGE_MAX
from placet.kernel.principal import Environment
from placet.plans.attachments.model import AttachmentPage, AttachmentView
from placet.plans.inventory.model import InventoryPage, ToolView
from placet.plans.model import PlanAnswer
from placet.sdk.caller import path_of
from placet.sdk.studio.door import Door
from placet.studio.readiness.model import Readiness


class Plans:
    """The plan of one agent in one environment each."""

    def __init__(self, door: Door) -> None:
        """Ask through a door."""
        self._door = door

    async def get(self, agent: str, environment: Environment) -> PlanAnswer:
        """Return the plan as it is now. Raises `PlanNotFound` where there is none."""
        return await self._door.get(
            "/governance/plan", PlanAnswer, agent=agent, environment=environment.value
        )

    async def attachments(
        self,
        agent: str,
        environment: Environment,
        *,
        cursor: str | None = None,
        limit: int = PAGE_DEFAULT,
    ) -> AttachmentPage:
        """Return who runs what: a page of the agent's processes, and how many run what is in force.

        What a process runs is its own word.
        """
        return await self._door.get(
            "/governance/attachments",
            AttachmentPage,
            agent=agent,
            environment=environment.value,
            cursor=cursor,
            limit=limit,
        )

    async def every_instance(
        self, agent: str, environment: Environment
    ) -> AsyncIterator[AttachmentView]:
        """Yield every process of an agent, as it last told of itself."""
        cursor = None
        while True:
            page = await self.attachments(agent, environment, cursor=cursor, limit=PAGE_MAX)
            for instance in page.items:
                yield instance
            cursor = page.next_cursor
            if cursor is None:
                return

    def every_tool(self, agent: str, environment: Environment) -> AsyncIterator[ToolView]:
        """Yield every version of every tool that an agent was seen to offer to its model."""
        return self._door.every(
            "/governance/inventory",
            InventoryPage,
            agent=agent,
            environment=environment.value,
        )

    async def readiness(self, workspace_id: UUID) -> Readiness:
        """Return how much of a workspace's agent was observed, beside how much is asked for."""
        path = path_of("/studio/workspaces/{id}/readiness", id=workspace_id)
        return await self._door.get(path, Readiness)
