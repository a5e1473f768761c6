"""A service on a database of its own, with one desk that works and many copies of it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import sqlalchemy as sa
from tests.conftest import found
from tests.replay.desk import AGENT, Desk
from tests.server.conftest import started
from tests.studio.drift.scans.scanner import Scanner
from tests.studio.drift.sightings import new_tool
from tests.studio.story import Story
from tests.studio.views.crowd import Crowd, crowd

from placet.authority.server_keys import ServerKeys
from placet.kernel.ids import Ids
from placet.server.app import create_app
from placet.settings import Settings
from placet.storage.database import Database
from placet.studio.approvals import store as approvals
from placet.studio.drift import service as drift

_WORKSPACE: Final = "/api/v1/studio/workspaces/{0.workspace_id}"
PATHS: Final = {
    "atlas": f"{_WORKSPACE}/atlas",
    "atlas of the draft": f"{_WORKSPACE}/atlas?of=draft",
    "control": f"{_WORKSPACE}/control/issue_refund",
    "focus": f"{_WORKSPACE}/focus/drift/{{0.item_id}}",
    "preview": "/api/v1/studio/approval-requests/{0.request_id}/preview",
    "conformance": f"{_WORKSPACE}/conformance",
    "workspaces": "/api/v1/studio/workspaces",
    "sources": f"{_WORKSPACE}/sources",
    "drafts": f"{_WORKSPACE}/drafts",
    "snapshots": f"{_WORKSPACE}/snapshots",
    "approvals": f"{_WORKSPACE}/approvals",
    "drift": f"{_WORKSPACE}/drift",
    "open drift": f"{_WORKSPACE}/drift?status=open",
    "receipts": f"{_WORKSPACE}/runtime-receipts",
    "attachments": "/api/v1/governance/attachments?agent={0.agent}&environment=staging",
    "inventory": "/api/v1/governance/inventory?agent={0.agent}&environment=staging",
}
"""Every view and every list of a workspace, by name."""


@dataclass
class Scene:
    """One desk on a service, and how it is copied and asked."""

    desk: Desk
    db: Database
    client: httpx.AsyncClient
    admin_url: str
    workspace_id: UUID

    async def crowd(self, workspaces: range, snapshots: int) -> Crowd:
        """Copy the desk's workspace, and return the last copy."""
        return await crowd(self.admin_url, self.workspace_id, workspaces, snapshots)

    async def ask(self, path: str) -> httpx.Response:
        """Ask for a path as the founder."""
        answer = await self.desk.get(path, self.desk.workplace.founder_key)
        assert answer.status_code == httpx.codes.OK, f"{path}: {answer.text}"
        return answer

    @contextmanager
    def heard(self) -> Iterator[list[tuple[str, Any]]]:
        """Note each statement that the service sends, with its parameters."""
        said: list[tuple[str, Any]] = []

        def note(*told: Any) -> None:  # noqa: ANN401 -- what the driver is told
            said.append((told[2], told[3]))

        engine = self.db._engine.sync_engine  # noqa: SLF001 -- what is sent is seen nowhere else
        sa.event.listen(engine, "before_cursor_execute", note)
        try:
            yield said
        finally:
            sa.event.remove(engine, "before_cursor_execute", note)

    async def blocks(self, path: str) -> int:
        """Return how many blocks the statements of a path touch."""
        with self.heard() as said:
            await self.ask(path)
        touched = 0
        asked = [one for one in said if one[0].lstrip().startswith(("SELECT", "WITH"))]
        async with self.db.reading(self.desk.workplace.founder) as tx:
            connection = tx._connection  # noqa: SLF001 -- the same transaction, explained
            for statement, given in asked:
                plan = await connection.exec_driver_sql(
                    f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement}", given
                )
                top = plan.scalar_one()[0]["Plan"]
                touched += top["Shared Hit Blocks"] + top["Shared Read Blocks"]
        return int(touched)


@asynccontextmanager
async def scene(url: str, admin_url: str, ids: Ids, folder: Path) -> AsyncIterator[Scene]:
    """Serve from a database, with a desk that has an approval, calls, drift and a scan."""
    app = create_app(Settings(data_dir=folder), url)
    async with started(app):
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
        async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as client:
            db: Database = app.state[Database.__name__]
            desk = Desk(client, db, ids, await found(db, ids))
            await desk.approve(app.state[ServerKeys.__name__])
            scanner = await _worked(desk, ids)
            yield Scene(desk, db, client, admin_url, scanner.workspace.workspace_id)


async def _worked(desk: Desk, ids: Ids) -> Scanner:
    """Let the desk work, and leave something of each kind that is copied."""
    worker = await desk.worker()
    await worker.look_up("ord_00000001")
    scanner = await Scanner.of(desk.db, ids, desk.workplace.founder, desk)
    await scanner.scan()
    told = {"instance_id": "one", "status": "attached", "sdk_version": "1", "tools": []}
    answer = await desk.post(
        "/api/v1/governance/attachments",
        told | {"tools": [{"name": "lookup_order"}]},
        desk.runtime_key,
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    assert scanner.workspace.active_approval_id is not None
    async with desk.db.writing(scanner.founder) as tx:
        approval = await approvals.get_approval(tx, scanner.workspace.active_approval_id)
        await drift.open_drift(tx, new_tool(approval), ids)
    story: Story = desk.story
    await story.source(scanner.workspace)
    return scanner


__all__ = ["AGENT", "PATHS", "Scene", "scene"]
