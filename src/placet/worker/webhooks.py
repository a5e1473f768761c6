"""The loop that tells other systems."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from placet.kernel.ids import TenantId
from placet.replay.calls.runtime import Runtime
from placet.settings import Settings
from placet.storage.database import Database
from placet.webhooks.endpoints.signing import SigningSecrets
from placet.webhooks.sending.call import Caller
from placet.webhooks.sending.drain import TAKEN_SECONDS, Sender
from placet.webhooks.sending.resolve import SystemResolver
from placet.webhooks.sending.store import take_turns

PERIOD_SECONDS: Final = 1.0
TENANTS_AT_ONCE: Final = 16
REST_SECONDS: Final = 2.0
_LOG: Final = logging.getLogger("placet.worker")


class Turns:
    """Whose turn it is: each tenant one pass at a time, whoever waits longest first."""

    def __init__(self, sender: Sender) -> None:
        """Begin with nothing to do."""
        self._sender = sender
        self._running: dict[TenantId, asyncio.Task[None]] = {}

    async def begin(self, db: Database) -> None:
        """Begin a pass for tenants that wait and have none, as far as there is room.

        However much waits for one tenant, it takes one place.
        """
        room = TENANTS_AT_ONCE - len(self._running)
        if room == 0:
            return
        tenants = await take_turns(db, self._running, limit=room, lease_seconds=TAKEN_SECONDS)
        for tenant in tenants:
            self._running[tenant] = asyncio.create_task(self._drain(tenant))

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

    async def _drain(self, tenant: TenantId) -> None:
        try:
            await self._sender.drain(tenant)
        except Exception:  # noqa: BLE001 -- one tenant's fault keeps no other waiting
            _LOG.exception("webhooks of tenant %s were not sent and come round again", tenant)
            await asyncio.sleep(REST_SECONDS)
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
                await turns.begin(db)
            except Exception:  # noqa: BLE001 -- a fault here must not end it for every tenant
                _LOG.exception("due webhooks could not be taken and come round again")
                await asyncio.sleep(period_seconds)
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
        days = timedelta(days=settings.webhooks_kept_days)
        sender = Sender(db, runtime.ids, runtime.clock, secrets, caller, kept=days)
        await send_for_ever(db, sender)
    finally:
        resolver.close()
