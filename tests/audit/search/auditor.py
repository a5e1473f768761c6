"""Somebody who searches, and a log and an index that are brought up to date by hand."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
from tests.replay.desk import Desk

from placet.audit.search.indexing import index_log
from placet.authority.checkpoints.service import sequence

EVENTS = "/api/v1/audit/events"


class Auditor:
    """An auditor's key at a desk."""

    def __init__(self, desk: Desk, key: str) -> None:
        """Stand outside of a desk."""
        self.desk = desk
        self.key = key

    async def up_to_date(self) -> None:
        """Put what happened into the log, and the log into the index."""
        tenant = self.desk.workplace.tenant_id
        await sequence(self.desk.db, tenant, self.desk.ids)
        while not await index_log(self.desk.db, tenant):
            pass

    async def ask(self, path: str, asked: Mapping[str, object]) -> httpx.Response:
        """Ask for events with these parameters; `since` and `until` are `from` and `to`."""
        named = {"since": "from", "until": "to"}
        return await self.desk.client.get(
            f"{EVENTS}{path}",
            params={named.get(name, name): str(value) for name, value in asked.items()},
            headers={"Authorization": f"Bearer {self.key}"},
        )

    async def page(self, **asked: object) -> dict[str, Any]:
        """Return one page of a search."""
        answered = await self.ask("", asked)
        assert answered.status_code == 200, answered.text
        page: dict[str, Any] = answered.json()
        return page

    async def all(self, **asked: object) -> list[dict[str, Any]]:
        """Return every event that a search finds, page by page."""
        found: list[dict[str, Any]] = []
        page = await self.page(**asked)
        found += page["items"]
        while page["next_cursor"] is not None:
            page = await self.page(**asked, cursor=page["next_cursor"])
            found += page["items"]
        return found

    async def types(self, **asked: object) -> list[str]:
        """Return the types of what a search finds."""
        return [event["type"] for event in await self.all(**asked)]

    async def export(self, **asked: object) -> tuple[bytes, list[dict[str, Any]]]:
        """Return an export, and its lines."""
        answered = await self.ask("/export", asked)
        assert answered.status_code == 200, answered.text
        return answered.content, [json.loads(line) for line in answered.content.splitlines()]
