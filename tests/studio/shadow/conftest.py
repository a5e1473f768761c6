"""A refund desk whose calls are followed by hand."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.studio.impact.conftest import author, traffic
from tests.studio.traffic import Traffic

from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.storage.work import FOLLOW_SHADOW, WorkDue
from placet.studio.shadow import service, store
from placet.studio.shadow.following import Follower
from placet.studio.shadow.model import Shadow
from placet.studio.snapshots import store as snapshots
from placet.studio.snapshots.model import BusinessDraftSnapshot

__all__ = ["author", "traffic"]


class Watch:
    """Starts shadows of one tenant, and follows them by hand."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        traffic: Traffic,
        author: Mapping[str, str],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Stand on a desk with traffic."""
        self.traffic = traffic
        self.db = traffic.db
        self._client = client
        self._author = author
        self._ids = ids
        self._clock = clock
        self.follower = self.another()

    def another(self) -> Follower:
        """Return a worker that knows nothing yet."""
        return Follower(self.db, self._ids, self._clock)

    async def ask(self, method: str, snapshot_id: UUID, verb: str = "") -> httpx.Response:
        """Start, read or stop the shadow of a snapshot."""
        return await self._client.request(
            method,
            f"/api/v1/studio/snapshots/{snapshot_id}/shadow{verb}",
            headers={**self._author, "Idempotency-Key": self._ids.new().hex},
        )

    async def start(self, document: dict[str, Any]) -> Shadow:
        """Freeze a candidate, and put it beside what is in force."""
        _, snapshot = await self.traffic.candidate(document)
        started = await self.ask("POST", snapshot.snapshot_id)
        assert started.status_code == 201, started.text
        async with self.db.reading(self.traffic.story.founder) as tx:
            return await store.get_latest_of(tx, snapshot.snapshot_id)

    async def follow(self, shadow: Shadow, follower: Follower | None = None) -> dict[str, Any]:
        """Let a worker come by, and return the shadow as it is shown then."""
        work = WorkDue(
            tenant_id=shadow.tenant_id,
            kind=FOLLOW_SHADOW,
            ref=shadow.shadow_id,
            due_at=shadow.started_at,
        )
        await (follower or self.follower).follow(work)
        return await self.shown(shadow)

    async def shown(self, shadow: Shadow) -> dict[str, Any]:
        """Return the shadow of the same snapshot as it is shown."""
        answer = await self.ask("GET", shadow.snapshot_id)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def snapshot(self, shadow: Shadow) -> BusinessDraftSnapshot:
        """Return the snapshot that a shadow is of."""
        async with self.db.reading(self.traffic.story.founder) as tx:
            return await snapshots.get_snapshot(tx, shadow.snapshot_id)

    async def stop(self, shadow: Shadow) -> None:
        """End a shadow by hand."""
        async with self.db.writing(self.traffic.story.founder) as tx:
            await service.stop_shadow(tx, shadow.snapshot_id, self._ids)


@pytest.fixture
def watch(
    client: httpx.AsyncClient,
    traffic: Traffic,
    author: Mapping[str, str],
    clock: Clock,
    ids: Ids,
) -> Watch:
    """Somebody who watches what a candidate would have said."""
    return Watch(client, traffic, author, clock, ids)
