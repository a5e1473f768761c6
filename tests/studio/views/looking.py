"""Somebody who looks at one desk's workspace."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
from tests.replay.desk import AGENT, Desk
from tests.studio.drift.scans.scanner import Scanner

from placet.kernel.principal import Principal
from placet.storage.database import Database, Reading


@asynccontextmanager
async def counting(db: Database, principal: Principal) -> AsyncIterator[tuple[Reading, list[str]]]:
    """Open a transaction and note every statement that is sent in it."""
    asked: list[str] = []

    def note(*told: object) -> None:
        asked.append(str(told[2]))

    async with db.reading(principal) as tx:
        connection = tx._connection.sync_connection  # noqa: SLF001 -- what is sent is seen nowhere else
        assert connection is not None
        sa.event.listen(connection, "before_cursor_execute", note)
        yield tx, asked
        sa.event.remove(connection, "before_cursor_execute", note)


@dataclass
class Looking:
    """Looks at views over HTTP as the tenant's founder."""

    desk: Desk
    scanner: Scanner

    @property
    def workspace_id(self) -> UUID:
        """Return the workspace that is looked at."""
        return self.scanner.workspace.workspace_id

    async def ask(self, path: str) -> httpx.Response:
        """Ask for something of the studio."""
        return await self.desk.get(f"/api/v1/studio/{path}", self.desk.workplace.founder_key)

    async def see(self, path: str) -> dict[str, Any]:
        """Return what a path of the studio shows."""
        answer = await self.ask(path)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def atlas(self, query: str = "") -> dict[str, Any]:
        """Return the workspace's Atlas."""
        return await self.see(f"workspaces/{self.workspace_id}/atlas{query}")

    async def control(self, tool: str, query: str = "") -> dict[str, Any]:
        """Return the control path of a tool."""
        return await self.see(f"workspaces/{self.workspace_id}/control/{tool}{query}")

    async def report(self, **fields: object) -> None:
        """Report as a process of the agent does."""
        told = {"instance_id": "one", "status": "attached", "sdk_version": "1"} | fields
        answer = await self.desk.post("/api/v1/governance/attachments", told, self.desk.runtime_key)
        assert answer.status_code == 200, answer.text


__all__ = ["AGENT", "Looking", "counting"]
