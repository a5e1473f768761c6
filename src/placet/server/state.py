"""What the application keeps for as long as it runs, and gives to its routes by type."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from placet.authority.key_slots import given_by
from placet.authority.recovery.watch import RecoveryWatch
from placet.authority.server_keys import ServerKeys
from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.plans.lookups.service import CHANNEL, PlanLooks, PlanWaits
from placet.replay.asks.store import CHANNEL as ASK_CHANNEL
from placet.replay.asks.waiting import AskWaits
from placet.replay.calls.runtime import Runtime
from placet.replay.export.running import Exports
from placet.replay.sessions.policies import Policies
from placet.replay.watching.service import SessionWatches
from placet.server.failpoints import Failpoints, database_with
from placet.settings import Settings
from placet.storage.database import Database
from placet.storage.listener import listen
from placet.studio.drift.scans.asked import AskedScans
from placet.studio.impact.service import Previews
from placet.studio.inferred_rules.service import Inferences
from placet.webhooks.endpoints.signing import SigningSecrets


@asynccontextmanager
async def opened(  # noqa: PLR0913 -- all but the first two are what a test puts in place of the world
    settings: Settings,
    database_url: str,
    *,
    keys_folder: Path,
    ids: Ids,
    clock: Clock,
    points: Failpoints | None = None,
) -> AsyncIterator[Mapping[str, object]]:
    """Open everything, yield it under the names of its types, and close it again.

    Raises what `Database.open` and `ServerKeys.load` raise, and `KeyCommandUnusable` for a command
    that does not sign.
    """
    opened_db = await Database.open(database_url)
    db = database_with(points, opened_db)
    waits, previews, watches = PlanWaits(), Previews(), SessionWatches(db)
    asks = AskWaits()
    # Past a pooler: what is told on a channel is told to one connection for as long as it lives.
    direct_url = settings.database_direct_url or database_url
    listening = asyncio.gather(
        listen(direct_url, CHANNEL, waits.hear), listen(direct_url, ASK_CHANNEL, asks.hear)
    )
    try:
        keys = await ServerKeys.load(keys_folder, opened_db, given_by(settings.key_commands))
        await keys.check()
        # Before the first request: of an older copy of the database nothing is granted.
        watch = RecoveryWatch(settings.witness_dir)
        await watch.look(opened_db)
        runtime = Runtime(db, ids, clock, keys)
        yield {
            Database.__name__: db,
            ServerKeys.__name__: keys,
            SigningSecrets.__name__: await asyncio.to_thread(SigningSecrets.load, keys_folder),
            RecoveryWatch.__name__: watch,
            Runtime.__name__: runtime,
            Policies.__name__: runtime.policies,
            PlanLooks.__name__: PlanLooks(db.hot),
            PlanWaits.__name__: waits,
            AskWaits.__name__: asks,
            SessionWatches.__name__: watches,
            Settings.__name__: settings,
            Previews.__name__: previews,
            Inferences.__name__: Inferences(),
            AskedScans.__name__: AskedScans(),
            Exports.__name__: Exports(),
            "Ids": ids,
            "Clock": clock,
        }
    finally:
        waits.end()
        asks.end()
        watches.end()
        await previews.workers.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await db.close()
