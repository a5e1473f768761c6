"""The loop that tells other systems."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Final

from placet.kernel.ids import TenantId
from placet.replay.calls.runtime import Runtime
from placet.settings import Settings
from placet.storage.database import Database
from placet.storage.work import WorkDue, take_due
from placet.webhooks.endpoints.model import SEND_WEBHOOKS
from placet.webhooks.endpoints.signing import SigningSecrets
from placet.webhooks.sending.call import Caller
from placet.webhooks.sending.drain import TAKEN_SECONDS, Sender
from placet.webhooks.sending.resolve import SystemResolver

PERIOD_SECONDS: Final = 1.0
BATCH: Final = 100
TENANTS_AT_ONCE: Final = 16
_LOG: Final = logging.getLogger("placet.worker")


class Turns:
    """Whose turn it is: each tenant one pass at a time, in the order in which work came up."""

    def __init__(self, sender: Sender) -> None:
        """Begin with nothing to do."""
        self._sender = sender
        self._waiting: dict[TenantId, list[WorkDue]] = {}
        self._order: deque[TenantId] = deque()
        self._running: dict[TenantId, asyncio.Task[None]] = {}

    async def take(self, db: Database) -> int:
        """Take what is due, unless enough waits already. Returns how many pieces were taken."""
        if sum(map(len, self._waiting.values())) >= BATCH:
            return 0
        due = await take_due(db, SEND_WEBHOOKS, limit=BATCH, lease_seconds=TAKEN_SECONDS)
        for work in due:
            if work.tenant_id not in self._waiting:
                self._waiting[work.tenant_id] = []
                self._order.append(work.tenant_id)
            self._waiting[work.tenant_id].append(work)
        return len(due)

    def begin(self) -> None:
        """Begin a pass for each tenant that waits and has none, as far as there is room."""
        for _ in range(len(self._order)):
            if len(self._running) >= TENANTS_AT_ONCE:
                return
            tenant = self._order.popleft()
            if tenant in self._running:
                self._order.append(tenant)
            else:
                works = self._waiting.pop(tenant)
                self._running[tenant] = asyncio.create_task(self._drain(tenant, works))

    async def wait(self, seconds: float) -> None:
        """Wait for so long, or until a pass has ended."""
        if self._running:
            await asyncio.wait(
                self._running.values(), timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
        else:
            await asyncio.sleep(seconds)

    async def end(self) -> None:
        """End every pass; what was not marked is sent again later."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _drain(self, tenant: TenantId, works: list[WorkDue]) -> None:
        try:
            await self._sender.drain(tenant, works)
        except Exception:  # noqa: BLE001 -- one tenant's fault keeps no other waiting
            _LOG.exception("webhooks of tenant %s were not sent and come round again", tenant)
        finally:
            del self._running[tenant]


async def send_for_ever(
    db: Database, sender: Sender, period_seconds: float = PERIOD_SECONDS
) -> None:
    """Send what is due, tenant by tenant, until cancelled.

    A database that is away delays the outbox and loses nothing of it: what is due stays due.
    """
    turns = Turns(sender)
    try:
        while True:
            try:
                taken = await turns.take(db)
            except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
                _LOG.exception("due webhooks could not be taken and come round again")
                taken = 0
            turns.begin()
            if taken < BATCH:
                await turns.wait(period_seconds)
    finally:
        await turns.end()


async def webhooks(kept: Mapping[str, object]) -> None:
    """Run the outbox beside an application, given what it keeps."""
    db, settings = kept[Database.__name__], kept[Settings.__name__]
    secrets, runtime = kept[SigningSecrets.__name__], kept[Runtime.__name__]
    assert isinstance(db, Database)  # noqa: S101 -- narrows the type; the server put it there
    assert isinstance(settings, Settings)  # noqa: S101 -- the same
    assert isinstance(secrets, SigningSecrets)  # noqa: S101 -- the same
    assert isinstance(runtime, Runtime)  # noqa: S101 -- the same
    resolver = SystemResolver()
    caller = Caller(resolver, to_loopback=settings.webhooks_to_loopback)
    try:
        await send_for_ever(db, Sender(db, runtime.ids, runtime.clock, secrets, caller))
    finally:
        resolver.close()
